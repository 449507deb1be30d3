// The output of handlers that write messages for a conversation with a language model.

import { isPlainObject } from "./schema.ts";
import { type Static, Type } from "./typebox.ts";

const messagesMark = "x-quater-messages";

const mediaType = Type.String({ description: "The media type, such as image/png." });
const base64 = Type.String({ description: "The content in Base64." });

const part = Type.Union([
  Type.Object({ type: Type.Literal("text"), text: Type.String() }),
  Type.Object({ type: Type.Literal("image"), data: base64, mimeType: mediaType }),
  Type.Object({ type: Type.Literal("audio"), data: base64, mimeType: mediaType }),
  Type.Object({
    type: Type.Literal("resource"),
    resource: Type.Union([
      Type.Object({ uri: Type.String(), mimeType: Type.Optional(mediaType), text: Type.String() }),
      Type.Object({ uri: Type.String(), mimeType: Type.Optional(mediaType), blob: base64 }),
    ]),
  }),
  Type.Object({
    type: Type.Literal("resource_link"),
    uri: Type.String(),
    name: Type.String(),
    description: Type.Optional(Type.String()),
    mimeType: Type.Optional(mediaType),
  }),
]);

/**
 * The schema of messages for a conversation with a language model. The field `content` of a message is a text, or one object: a
 * text, an image, an audio, a resource, or a link to a resource.
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
