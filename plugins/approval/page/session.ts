// Sessions of the approvals page. A session is an encrypted cookie that contains the credential with which the person signed in,
// so the server keeps no list of sessions. The credential is authenticated again for each HTTP request, so a revoked key stops
// working immediately, and changed roles take effect. Signing in starts a new session.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { sealed, unsealed } from "../seal.ts";

/**
 * The content of a session cookie. Before the person signs in, the session has no token for authentication, but the forms of the
 * session already have a form token.
 */
export interface Session {
  readonly id: string;
  readonly token?: string;
  /** When the session started, milliseconds since the epoch. */
  readonly startedAt: number;
  readonly seenAt: number;
}

/** The longest time that a session lasts, milliseconds. */
export const longestMs = 8 * 3_600_000;
const idleMs = 30 * 60_000;
/** When the cookie is older than this, milliseconds, the next HTTP request gets a new cookie with the time of the visit. */
const refreshMs = 60_000;
const use = "quater.approval.session.v1";

export interface SessionOptions {
  /**
   * Returns secrets of 32 bytes each. The first secret is current. The other secrets decrypt cookies from before a key rotation,
   * or of another instance. `secrets` is called for each HTTP request, so that commands that only read a project create no key
   * file.
   */
  readonly secrets: (label: "approval.session" | "approval.form") => readonly Buffer[];
  readonly isHttps: boolean;
  readonly now?: () => number;
}

export class Sessions {
  readonly #options: SessionOptions;
  /** The name of the cookie. With the prefix `__Host-` no other host of the domain can set the cookie (RFC 6265bis 4.1.3.2). */
  readonly cookieName: string;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.cookieName = options.isHttps ? "__Host-quater-approvals" : "quater-approvals";
  }

  /** Starts a session. Called at the first visit, and when a person signs in. */
  fresh(token?: string): Session {
    const now = this.#now();
    return {
      id: randomBytes(18).toString("base64url"),
      startedAt: now,
      seenAt: now,
      ...(token === undefined ? {} : { token }),
    };
  }

  /**
   * @param cookies  The Cookie header of the HTTP request.
   * @returns `undefined` when the header has no valid session cookie, or the session has ended.
   */
  read(cookies: string | undefined): Session | undefined {
    const named = (cookies ?? "").split(";").flatMap((part) => {
      const [name = "", ...value] = part.trim().split("=");
      return name === this.cookieName ? [value.join("=")] : [];
    });
    const [text] = named;
    if (text === undefined || named.length > 1) return undefined;
    const opened = this.#opened(text);
    if (opened === undefined) return undefined;
    const session = JSON.parse(opened) as Session; // Only texts that `cookieOf` wrote can be decrypted, so the JSON is a session.
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

  /** Returns the Set-Cookie header that removes the session. */
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
