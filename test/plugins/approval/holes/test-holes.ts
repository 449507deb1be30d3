// Holes that the gate suite cannot see from outside a surface. Each takes one check out of Quater and names the test that
// must fail then.

import type { Edit } from "./patched.ts";

export interface TestHole {
  /** The row, and the check that is missing. */
  readonly check: string;
  readonly edits: readonly Edit[];
  /** The file of the test, and a part of its full name that no other test of the file has. */
  readonly file: string;
  readonly test: string;
}

export const testHoles: readonly TestHole[] = [
  {
    check: "S8: texts of an event have a maximum length",
    edits: [
      {
        file: "plugins/audit/log/event.ts",
        from: "if (text.length <= mostText) return text;",
        to: "if (mostText > 0) return text;",
      },
    ],
    file: "test/plugins/audit/event.test.ts",
    test: "S8: every text of an event has a maximum length",
  },
  {
    check: "S8: only handler names of the catalog are recorded",
    edits: [
      {
        file: "core/pipeline/gate.ts",
        from: "const known = { callId, surface, handler: operation?.name, principal,",
        to: "const known = { callId, surface, handler, principal,",
      },
    ],
    file: "test/core/hooks.test.ts",
    test: "S8: settled hooks do not receive the handler name of a call",
  },
  {
    check: "S12: attempts to sign in with a code are counted",
    edits: [
      {
        file: "plugins/approval/page/throttle.ts",
        from: "if (full !== undefined) return",
        to: "if (perPeer < 0 && full !== undefined) return",
      },
    ],
    file: "test/plugins/approval/sessions.test.ts",
    test: "S12: after five wrong sign-in codes",
  },
  {
    check: "S12: signing out ends the session on the server",
    edits: [
      {
        file: "plugins/approval/page/visitor.ts",
        from: "if (!isSso && (await isEnded(parts.codes.store, visit.session))) return",
        to: "if (isEnded === undefined) return",
      },
    ],
    file: "test/plugins/approval/sessions.test.ts",
    test: "S12: on SQLite, a copied session cookie is refused after signing out",
  },
  {
    check: "S13: files that other users can write are refused",
    edits: [
      {
        file: "core/boot/ownership.ts",
        from: "(stats.mode & 0o002) !== 0 ||",
        to: "false &&",
      },
    ],
    file: "test/core/load.test.ts",
    test: "S13: boot refuses a handler module, or a module that it imports, that other users can write",
  },
  {
    check: "S15: middleware and routes see one path",
    edits: [{ file: "plugins/http/guard.ts", from: "req.url = normalTarget(req.url);", to: "normalTarget(req.url);" }],
    file: "test/plugins/http/path.test.ts",
    test: "S15: middleware that blocks /items also blocks DELETE /%69tems/5",
  },
  {
    check: "S16: an empty path parameter matches no route",
    edits: [
      {
        file: "plugins/http/routes.ts",
        from: 'for (const name in params) if (params[name] === "") return undefined;',
        to: "",
      },
    ],
    file: "test/plugins/http/path.test.ts",
    test: "S16: DELETE /items/ matches no route",
  },
  {
    check: "S18: calls under other input schemas are compared",
    edits: [
      {
        file: "plugins/approval/requests/ran-before.ts",
        from: "await reader.usedUnderOtherSchemas(keys.person, call.schema, asked);",
        to: "[] as ApprovalRecord[];",
      },
    ],
    file: "test/plugins/approval/ran-before.test.ts",
    test: "on sqlite S18: after a deploy that adds a field with a default",
  },
  {
    check: "S19: the store is compared with its sinks",
    edits: [
      {
        file: "plugins/audit/restore/compare.ts",
        from: "lines.filter(({ line }) => !isHeld(line));",
        to: "lines.filter(() => false);",
      },
    ],
    file: "test/plugins/audit/restore.test.ts",
    test: "on sqlite S19: a backup from before an approval was used does not boot",
  },
];
