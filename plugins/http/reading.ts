// The functions that check and answer HTTP requests. The process loads this file and the imports of this file only when the
// process serves.

import { readBytes } from "./body.ts";
import { guardOf } from "./guard.ts";
import type { HttpOptions } from "./options.ts";
import { publicOrigin } from "./public-url.ts";
import { forgettingOf, sentenceOf, statusOf } from "./refusals.ts";
import { RequestCredentials, ResponseCancellation } from "./request.ts";
import { prepareHeaders, securityHeaders } from "./security.ts";
import { networkOf, newRoom, roomOf } from "./sockets.ts";

export const readingOf = (options: HttpOptions, allowedOrigins: readonly string[]) => {
  const security = securityHeaders(publicOrigin(options.publicUrl));
  return {
    guard: guardOf({ ...options, allowedOrigins }),
    prepare: (headers: readonly string[]) => prepareHeaders(headers, security),
    statusOf,
    sentenceOf,
    forgettingOf,
    readBytes,
    networkOf,
    newRoom,
    roomOf,
    RequestCredentials,
    ResponseCancellation,
  };
};

export type Reading = ReturnType<typeof readingOf>;
