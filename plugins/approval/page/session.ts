// Sessions of the page. A session is an encrypted cookie that contains the credential with which the person signed in. The server keeps no
// list of sessions. Each request authenticates the credential again: a revoked key stops working at once, and roles and person are
// current. Signing in starts a new session.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { sealed, unsealed } from "../seal.ts";

/** Without a token until the person signs in. The forms of such a session also have a token of the session. */
export interface Session {
  readonly id: string;
  readonly token?: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly seenAt: number;
}

/** How long a session lasts at most. */
export const longestMs = 8 * 3_600_000;
const idleMs = 30 * 60_000;
/** After this time, a request gets a new cookie with the time of the visit. */
const refreshMs = 60_000;
const use = "quater.approval.session.v1";

export interface SessionOptions {
  /**
   * 32 bytes each. The first is current; the others decrypt what was encrypted before a rotation, or by another instance. Called when a
   * request comes, so that commands which only look at a project create no key file.
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

  /** Starts a session: at the first visit, and when a person signs in. */
  fresh(token?: string): Session {
    const now = this.#now();
    return {
      id: randomBytes(18).toString("base64url"),
      startedAt: now,
      seenAt: now,
      ...(token === undefined ? {} : { token }),
    };
  }

  /** @param cookies  The request's Cookie header. @returns `undefined` when there is no valid session cookie, or the session has ended. */
  read(cookies: string | undefined): Session | undefined {
    const named = (cookies ?? "").split(";").flatMap((part) => {
      const [name = "", ...value] = part.trim().split("=");
      return name === this.cookieName ? [value.join("=")] : [];
    });
    const [text] = named;
    if (text === undefined || named.length > 1) return undefined;
    const opened = this.#opened(text);
    if (opened === undefined) return undefined;
    const session = JSON.parse(opened) as Session; // only what `cookieOf` wrote can be decrypted
    const now = this.#now();
    return now - session.startedAt < longestMs && now - session.seenAt < idleMs ? session : undefined;
  }

  isDueForRefresh({ seenAt }: Session): boolean {
    return this.#now() - seenAt >= refreshMs;
  }

  /** Returns the Set-Cookie header of the session, with the time of this visit. */
  cookieOf(session: Session): string {
    const text = JSON.stringify({ ...session, seenAt: this.#now() });
    return `${this.cookieName}=${sealed(this.#secret("approval.session"), use, text)}; ${this.#attributes}`;
  }

  /** The Set-Cookie header that removes the session. */
  get noCookie(): string {
    return `${this.cookieName}=; ${this.#attributes}; Max-Age=0`;
  }

  /** Returns the token that each form of this session and this person contains. */
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
