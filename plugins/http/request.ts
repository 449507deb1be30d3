// A request as the kernel sees it: what its caller showed, and whether the caller still waits. Both look when they are
// asked, because most calls ask for little.

import type { IncomingMessage, ServerResponse } from "node:http";
import { Cancellation, type Credentials } from "../../core/index.ts";
import type { Guard } from "./guard.ts";

/** RFC 6750 section 2.1. */
const bearer = /^Bearer +([^\s]+)$/i;

export class RequestCredentials implements Credentials {
  readonly surface: string;
  readonly isLocal = false;
  readonly #req: IncomingMessage;
  readonly #guard: Guard;

  constructor(req: IncomingMessage, surface: string, guard: Guard) {
    this.surface = surface;
    this.#req = req;
    this.#guard = guard;
  }

  get token(): string | undefined {
    const { authorization } = this.#req.headers;
    return authorization === undefined ? undefined : bearer.exec(authorization)?.[1];
  }

  get peer(): string | undefined {
    return this.#guard.peerOf(this.#req);
  }

  /** Made when it is asked for, and a function by itself: authenticators take `{ header }` apart. */
  get header(): Credentials["header"] {
    return (name) => {
      const value = this.#req.headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
  }
}

/** Cancelled when the client goes away before the answer is complete. */
export class ResponseCancellation extends Cancellation {
  readonly #res: ServerResponse;
  #isListening = false;

  constructor(res: ServerResponse) {
    super();
    this.#res = res;
  }

  override get isCancelled(): boolean {
    return super.isCancelled || (this.#res.destroyed && !this.#res.writableFinished);
  }

  override get signal(): AbortSignal {
    if (!this.#isListening) {
      this.#isListening = true;
      this.#res.once("close", () => {
        if (this.isCancelled) this.cancel();
      });
    }
    return super.signal;
  }
}
