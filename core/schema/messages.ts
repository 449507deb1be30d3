// The output of handlers that write messages for a conversation with a language model.

import { isPlainObject } from "./schema.ts";
import { type Static, Type } from "./typebox.ts";

const messagesMark = "x-quater-messages";

const mediaType = Type.String({ description: "The media type, such as image/png." });
const base64 = Type.String({ description: "The content in Base64." });
const resource = { type: Type.Literal("resource"), uri: Type.String(), mediaType: Type.Optional(mediaType) };

const part = Type.Union([
  Type.Object({ type: Type.Literal("text"), text: Type.String() }),
  Type.Object({ type: Type.Literal("image"), base64, mediaType }),
  Type.Object({ type: Type.Literal("audio"), base64, mediaType }),
  Type.Object({ ...resource, text: Type.String() }),
  Type.Object({ ...resource, base64 }),
  Type.Object({
    type: Type.Literal("link"),
    uri: Type.String(),
    name: Type.String(),
    title: Type.Optional(Type.String()),
    description: Type.Optional(Type.String()),
    mediaType: Type.Optional(mediaType),
    bytes: Type.Optional(Type.Integer({ minimum: 0 })),
  }),
]);

/**
 * The schema of messages for a conversation with a language model. The field `content` of a message is a text, or one object: a
 * text, an image, an audio, a resource, or a link to a resource. The fields of this object have the same names as the fields of
 * `content.image`, `content.audio`, `content.resource` and `content.link`: `mediaType`, `base64`, `bytes`.
 *
 * @example
 * output: messages
 * // returns [{ role: "user", content: "Summarise order ord_1." }]
 */
export const messages = Type.Array(
  Type.Object({
    role: Type.Union([Type.Literal("user"), Type.Literal("assistant")]),
    content: Type.Union([Type.String(), part]),
  }),
  { [messagesMark]: true, minItems: 1 },
);

/** One message of a conversation with a language model: an item of the output `messages`. */
export type Message = Static<typeof messages>[number];

export const isMessages = (schema: unknown): boolean => isPlainObject(schema) && schema[messagesMark] === true;
