// The parts of the approval plugin that the files of the approvals page use.

import type { Gate } from "../../../core/plugin-api.ts";
import type { HttpService } from "../../http/service.ts";
import type { SsoOptions } from "../options.ts";
import type { Approvals } from "../service.ts";
import type { Present, PresentFirst } from "../shown/index.ts";
import type { CodeParts } from "./codes.ts";
import type { Sessions } from "./session.ts";
import type { Throttle } from "./throttle.ts";

export interface PageParts {
  readonly http: HttpService;
  readonly gate: Pick<Gate, "enter" | "enterAgain">;
  readonly approvals: Approvals;
  readonly present: Present;
  readonly presentFirst: PresentFirst;
  readonly codes: CodeParts;
  readonly sessions: Sessions;
  /** Counts the attempts to sign in with a sign-in code. */
  readonly throttle: Throttle;
  readonly sso: SsoOptions | undefined;
  readonly app: string;
  /**
   * The origin of the approvals page: `https://shop.example`. Without this origin, a form may come from the origin of any Host
   * header that http accepts.
   */
  readonly publicOrigin: string | undefined;
  /** Whether the approvals page listens on a Unix socket. Only users who can open the file of the Unix socket can connect. */
  readonly isOverUnixSocket: boolean;
}
