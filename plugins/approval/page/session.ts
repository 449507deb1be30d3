// Sessions of the approvals page. A session is an encrypted cookie that contains the credential with which the person signed in,
// so the server stores no list of sessions. Quater authenticates the credential again for each HTTP request. A revoked key
// therefore stops working immediately, and changed roles take effect. Each sign-in starts a new session.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { sealed, unsealed } from "../seal.ts";

/**
 * The content of a session cookie. Before the person signs in, the session contains no credential, but the session already has a
 * token for its forms.
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
/**
 * The age of a session cookie, milliseconds, after which the response to the next HTTP request contains a new cookie with the
 * time of the visit.
 */
const refreshMs = 60_000;
const use = "quater.approval.session.v1";

export interface SessionOptions {
  /**
   * Returns the secrets for session cookies or form tokens, of 32 bytes each. The first secret is the current secret. With the
   * other secrets, Quater decrypts cookies from before a key rotation, or of another instance. Quater calls `secrets` for each
   * HTTP request, so that commands that only read a project create no key file.
   */
  readonly secrets: (label: "approval.session" | "approval.form") => readonly Buffer[];
  readonly isHttps: boolean;
  readonly now?: () => number;
}

export class Sessions {
  readonly #options: SessionOptions;
  /**
   * The name of the session cookie. With the prefix `__Host-`, no other host of the domain can set the cookie (RFC 6265bis
   * 4.1.3.2).
   */
  readonly cookieName: string;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.cookieName = options.isHttps ? "__Host-quater-approvals" : "quater-approvals";
  }

  /** Starts a session. Quater calls `fresh` at the first visit, and when a person signs in. */
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
   * @returns `undefined` if the Cookie header has no valid session cookie, or the session has ended.
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
    const session = JSON.parse(opened) as Session; // Quater can decrypt only texts of `cookieOf`, so the JSON is a session.
    const now = this.#now();
    return now - session.startedAt < longestMs && now - session.seenAt < idleMs ? session : undefined;
  }

  isDueForRefresh({ seenAt }: Session): boolean {
    return this.#now() - seenAt >= refreshMs;
  }

  /** Returns the Set-Cookie header for the session, with the time of the current visit. */
  cookieOf(session: Session): string {
    const text = JSON.stringify({ ...session, seenAt: this.#now() });
    return `${this.cookieName}=${sealed(this.#secret("approval.session"), use, text)}; ${this.#attributes}`;
  }

  /** Returns the Set-Cookie header that removes the session cookie. */
  get noCookie(): string {
    return `${this.cookieName}=; ${this.#attributes}; Max-Age=0`;
  }

  /** Returns the form token that each form of this session and this person contains. */
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
