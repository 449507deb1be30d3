// Who is looking at the page: a sealed cookie that carries the credential somebody signed in with, never a list of who is
// in. Each request shows the credential to the approvers' door again, so that a key which was revoked stops at once, and
// role and person are those of this moment. Signing in gives a new one.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { sealed, unsealed } from "../seal.ts";

/** Before somebody signs in it holds no token: its forms have to be its own all the same. */
export interface Session {
  readonly id: string;
  readonly token?: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly seenAt: number;
}

/** How long a session lasts in any case. */
export const longestMs = 8 * 3_600_000;
const idleMs = 30 * 60_000;
/** How old what the cookie says of the last visit may get before a new one is sent. */
const refreshMs = 60_000;
const use = "quater.approval.session.v1";

export interface SessionOptions {
  /**
   * 32 bytes each, the current secret first: those of other keys open what was sealed before a rotation, or by another
   * instance. Asked for when a request comes, because looking at a project makes no key file.
   */
  readonly secrets: (label: "approval.session" | "approval.form") => readonly Buffer[];
  readonly isHttps: boolean;
  readonly now?: () => number;
}

export class Sessions {
  readonly #options: SessionOptions;
  /** RFC 6265bis 4.1.3.2: with the prefix, no other host of the domain can set it. */
  readonly cookieName: string;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.cookieName = options.isHttps ? "__Host-quater-approvals" : "quater-approvals";
  }

  /** A new one: at the first visit, and at every change of who is in. */
  fresh(token?: string): Session {
    const now = this.#now();
    return {
      id: randomBytes(18).toString("base64url"),
      startedAt: now,
      seenAt: now,
      ...(token === undefined ? {} : { token }),
    };
  }

  /** @param cookies  The request's Cookie header. @returns `undefined` for none, a strange one, and one that is over. */
  read(cookies: string | undefined): Session | undefined {
    const named = (cookies ?? "").split(";").flatMap((part) => {
      const [name = "", ...value] = part.trim().split("=");
      return name === this.cookieName ? [value.join("=")] : [];
    });
    const [text] = named;
    if (text === undefined || named.length > 1) return undefined;
    const opened = this.#opened(text);
    if (opened === undefined) return undefined;
    const session = JSON.parse(opened) as Session; // only what `cookieOf` wrote can be opened
    const now = this.#now();
    return now - session.startedAt < longestMs && now - session.seenAt < idleMs ? session : undefined;
  }

  isDueForRefresh({ seenAt }: Session): boolean {
    return this.#now() - seenAt >= refreshMs;
  }

  /** The Set-Cookie header that keeps it, seen now. */
  cookieOf(session: Session): string {
    const text = JSON.stringify({ ...session, seenAt: this.#now() });
    return `${this.cookieName}=${sealed(this.#secret("approval.session"), use, text)}; ${this.#attributes}`;
  }

  /** The Set-Cookie header that removes it. */
  get noCookie(): string {
    return `${this.cookieName}=; ${this.#attributes}; Max-Age=0`;
  }

  /** What every form of this session carries, and nobody else's. */
  formToken(session: Session, person: string): string {
    return tokenOf(this.#secret("approval.form"), session, person);
  }

  isFormToken(session: Session, person: string, given: string): boolean {
    const shown = Buffer.from(given);
    return this.#options.secrets("approval.form").some((secret) => {
      const expected = Buffer.from(tokenOf(secret, session, person));
      return shown.length === expected.length && timingSafeEqual(shown, expected);
    });
  }

  #secret(label: "approval.session" | "approval.form"): Buffer {
    return this.#options.secrets(label)[0] as Buffer;
  }

  #opened(text: string): string | undefined {
    for (const secret of this.#options.secrets("approval.session")) {
      const opened = unsealed(secret, use, text);
      if (opened !== undefined) return opened;
    }
    return undefined;
  }

  get #attributes(): string {
    return `Path=/; HttpOnly; SameSite=Strict${this.#options.isHttps ? "; Secure" : ""}`;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

const tokenOf = (secret: Buffer, { id }: Session, person: string): string =>
  createHmac("sha256", secret).update(`form ${id} ${person}`).digest("base64url");
