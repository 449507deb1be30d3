// What the page and the API are given.

import type { Catalog, Gate } from "../../../core/plugin-api.ts";
import type { Audit } from "../../audit/service.ts";
import type { HttpService } from "../../http/service.ts";
import type { Approvals } from "../service.ts";
import type { CodeParts } from "./codes.ts";
import type { SsoOptions } from "./options.ts";
import type { Sessions } from "./session.ts";
import type { Throttle } from "./throttle.ts";

export interface PageParts {
  readonly http: HttpService;
  readonly gate: Pick<Gate, "enter" | "enterAgain">;
  readonly catalog: Catalog;
  readonly approvals: Approvals;
  readonly audit: Audit;
  readonly codes: CodeParts;
  readonly sessions: Sessions;
  /** Attempts to sign in with a code. */
  readonly throttle: Throttle;
  readonly sso: SsoOptions | undefined;
  readonly app: string;
  /** Where calls will run, for people: `serve, https://shop.example`. */
  readonly environment: () => string;
  /** `https://shop.example`; `undefined` when nothing was configured, and any Host that passed the guard is ours. */
  readonly publicOrigin: string | undefined;
  /** The page listens on a Unix socket. Only users who may open its file can connect. */
  readonly isOverUnixSocket: boolean;
}

/** The approvers' own door. It is a surface without handlers, so that failed attempts are on the trail as everywhere. */
export const approversSurface = "approvals";
