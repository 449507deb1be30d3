// The schemas of the inputs and responses of the approvals API. The API validates its inputs with these schemas, and the OpenAPI
// document contains the schemas. Tests compare the real responses with the schemas.

import { timeMessage, timePattern } from "../../../core/diagnostics/given-time.ts";
import { Type } from "../../../core/index.ts";
import type { TObject, TProperties } from "../../../core/schema/typebox.ts";
import { approvalStates, idForm } from "../record.ts";

const text = Type.String();
const moment = Type.String({ format: "date-time" });
const digestPattern = "^sha256:[0-9a-f]{64}$";
const state = Type.Enum([...approvalStates], { type: "string" });
const reason = Type.Optional(Type.String({ minLength: 1, maxLength: 500 }));

export const requestId = Type.String({ pattern: `^${idForm}$` });

/** The input of an operation on one approval request: the id from the path, and the body of the HTTP request. */
export const onRequest = <Fields extends TProperties>(body: TObject<Fields>) =>
  Type.Object({ ...body.properties, id: requestId }, { additionalProperties: false });

export const listQuery = Type.Object(
  {
    state: Type.Optional(Type.Array(state)),
    handler: Type.Optional(text),
    requester: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          "Only requests by or for this person. A requester without a person is named by issuer and subject, with a space between",
      }),
    ),
    since: Type.Optional(
      Type.String({
        pattern: timePattern,
        description: 'Only requests filed since this time: "15m", "2h", "3d", or a date',
        "x-message": { pattern: timeMessage },
      }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
    before: Type.Optional(
      Type.String({
        description:
          "The id of an approval request, such as `next` of an answer. The answer contains only requests that are older than this request",
      }),
    ),
  },
  { additionalProperties: false },
);

export const voteBody = Type.Object(
  { verdict: Type.Enum(["approve", "deny"], { type: "string" }), digest: Type.String({ pattern: digestPattern }), reason },
  { additionalProperties: false },
);

export const revocationBody = Type.Object({ reason }, { additionalProperties: false });

const requester = Type.Object({
  issuer: text,
  subject: text,
  kind: text,
  person: Type.Optional(text),
  actsFor: Type.Optional(text),
  credential: text,
});

const policy = Type.Object({
  name: text,
  kind: text,
  approvers: Type.Array(Type.Object({ role: Type.Optional(text), person: Type.Optional(text), need: Type.Integer() })),
  denials: Type.Integer(),
  pendingForMs: Type.Integer(),
  usableForMs: Type.Integer(),
  anySurface: Type.Boolean(),
  unattributed: Type.Boolean(),
});

export const requestAnswer = Type.Object({
  id: text,
  state,
  erased: Type.Optional(Type.Boolean({ description: "True if personal data of the request were erased; otherwise absent" })),
  digest: Type.String({ pattern: digestPattern, description: "The digest that a vote must repeat" }),
  app: text,
  handler: text,
  surface: text,
  requester,
  policy,
  votes: Type.Array(Type.Object({ person: text, verdict: text, reason: Type.Optional(text), via: text, at: moment })),
  filedAt: moment,
  pendingUntil: moment,
  decidedAt: Type.Optional(moment),
  usableUntil: Type.Optional(moment),
  reason: Type.Optional(text),
  use: Type.Optional(Type.Object({ callId: text, at: moment, outcome: text })),
  url: Type.Optional(text),
});

export const shownRequestAnswer = Type.Object({
  ...requestAnswer.properties,
  obstacle: Type.Optional(Type.String({ description: "Why this approver cannot vote; absent if this approver can vote" })),
  shown: Type.Unsafe<object>({
    type: "object",
    description: "The content for approvers as safe text: arguments, preview, requester and policy",
  }),
});

const shownText = Type.Object({
  text: Type.String({ description: "Text that is safe to print" }),
  warnings: Type.Array(text),
  isCut: Type.Boolean(),
  length: Type.Integer(),
  sha256: text,
});

const firstArguments = Type.Object(
  {
    rows: Type.Array(Type.Object({ path: shownText, type: text, value: shownText })),
    rowsLeftOut: Type.Integer({ description: "How many further arguments the request has" }),
    hidden: Type.Optional(Type.String({ description: "Why no argument is shown; absent if arguments are shown" })),
  },
  { description: "The first arguments of the call as safe text. Secrets are masked" },
);

export const listAnswer = Type.Object({
  requests: Type.Array(Type.Object({ ...requestAnswer.properties, firstArguments })),
  next: Type.Optional(Type.String({ description: "The `before` of the next page; absent after the last page" })),
});

export const ownStatusAnswer = Type.Object({
  id: text,
  status: state,
  expiresAt: Type.String({
    format: "date-time",
    description: "The end of the time to decide, or after the approval, of the time to use it",
  }),
  url: Type.Optional(text),
  reason: Type.Optional(text),
  usedBy: Type.Optional(Type.Object({ callId: text, outcome: text, endedAt: Type.Optional(moment) })),
});
