// The options of http() about the object `reply` of handlers. These options are not in handler-reply.ts, because boot checks the
// options, and handler-reply.ts loads node:http, which takes 5 ms of a start.

import type { BootProblem } from "../../core/plugin-api.ts";

/** The project's rules for the object `reply` of handlers. */
export interface ReplyRules {
  /** The origins, besides the server's own origin, to which a redirect may lead. */
  readonly redirectOrigins: ReadonlySet<string>;
  readonly isHttps: boolean;
  /** The keys of signed cookies. The first key signs cookies, and all keys verify cookies. */
  readonly keys: readonly string[];
}

interface ReplyOptions {
  readonly publicUrl?: string | undefined;
  readonly cookieKeys: readonly string[];
  readonly redirectOrigins: readonly string[];
}

export const replyRulesOf = ({ publicUrl, cookieKeys, redirectOrigins }: ReplyOptions): ReplyRules => ({
  redirectOrigins: new Set([...redirectOrigins, ...(publicUrl === undefined ? [] : [new URL(publicUrl).origin])]),
  isHttps: publicUrl?.startsWith("https:") === true,
  keys: cookieKeys,
});

const leastKeyBytes = 32;

export const replyProblems = ({ cookieKeys, redirectOrigins }: ReplyOptions): BootProblem[] => {
  const at = { place: "http()", plugin: "http" };
  const short = cookieKeys.some((key) => Buffer.byteLength(key) < leastKeyBytes);
  return [
    ...(short
      ? [
          {
            ...at,
            cause: `The http() option cookieKeys has a key of fewer than ${leastKeyBytes} bytes`,
            remedy: "Create a key with `openssl rand -base64 32`",
          },
        ]
      : []),
    ...redirectOrigins
      .filter(
        (one) => !URL.canParse(one) || !/^https?:$/.test(new URL(one).protocol) || new URL(one).origin !== one.toLowerCase(),
      )
      .map((one) => ({
        ...at,
        cause: `The http() option redirectOrigins has ${JSON.stringify(one)}, which is not an origin`,
        remedy: 'Write only scheme and host: "https://login.example"',
      })),
  ];
};
