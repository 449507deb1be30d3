// Turns messages, and outputs that are content, into the content blocks of MCP results. Content blocks are texts, images, audio,
// links, and resources with their content.

import { outputTooLarge, outputUndelivered, tooMuchUnread } from "../../../core/diagnostics/errors.ts";
import type { Message, QuaterError } from "../../../core/index.ts";
import { largeAnswer } from "../../../core/pipeline/answer-size.ts";
import type { AnswerRoom, Awaitable, JsonSchema, Operation } from "../../../core/plugin-api.ts";
import { contentKindsOf } from "../../../core/schema/content.ts";
import { fileAnswerRulesOf, SentFile } from "../../../core/schema/file-answer.ts";
import { isMessages } from "../../../core/schema/messages.ts";

/** A content block of an MCP result (MCP 2025-11-25, server/tools, "Tool Result"). */
type Block = Readonly<Record<string, unknown>>;

export interface Limits {
  /** The largest size of a result's content blocks as JSON, bytes. */
  readonly maxBytes: number;
  readonly room: AnswerRoom;
}

/**
 * Returns the content blocks of a handler's value as JSON text, or the error for content that is too large. Returns `undefined`
 * if the value is not content.
 */
export const contentOf = (value: unknown, operation: Operation, limits: Limits): Awaitable<string | QuaterError> | undefined => {
  if (operation.isStream) return undefined;
  if (value instanceof SentFile) return fileContent(value, operation, limits);
  if (contentKindsOf(operation.output) === undefined) return undefined;
  return within(JSON.stringify([value].flat().map((part) => blockOf(part as JsonSchema))), operation, limits);
};

/**
 * Returns the result of `prompts/get` as JSON text.
 *
 * @param value  The value of the handler, which fits the handler's output schema.
 */
export const promptResult = ({ handler, output }: Operation, value: unknown, callId: string): string => {
  const messages: readonly Message[] = isMessages(output) ? (value as Message[]) : [{ role: "user", content: String(value) }];
  return JSON.stringify({
    _meta: { "quater/callId": callId },
    description: handler.description,
    messages: messages.map(({ role, content }) => ({ role, content: partOf(content) })),
  });
};

const partOf = (content: Message["content"]): Block => {
  if (typeof content === "string") return { type: "text", text: content };
  if (content.type === "text") return content;
  if (content.type === "image" || content.type === "audio")
    return { type: content.type, data: content.base64, mimeType: content.mediaType };
  return blockOf(content);
};

const blockOf = ({ uri, text, base64, mediaType, name, title, description, bytes }: JsonSchema): Block => {
  const mimeType = mediaType;
  if (text !== undefined) return { type: "resource", resource: { uri, mimeType, text } };
  if (base64 !== undefined) return { type: "resource", resource: { uri, mimeType, blob: base64 } };
  return { type: "resource_link", uri, name, title, description, mimeType, size: bytes };
};

const within = (json: string, operation: Operation, { maxBytes, room }: Limits): string | QuaterError => {
  const size = Buffer.byteLength(json);
  if (size > maxBytes) return tooLarge(operation, maxBytes);
  return size < largeAnswer || room.reserve(size) ? json : unsent(operation, tooMuchUnread());
};

const tooLarge = (operation: Operation, maxBytes: number): QuaterError =>
  unsent(operation, outputTooLarge(operation.name, maxBytes));

/**
 * Returns the error for a result that Quater cannot send. If the handler changes data, the message of the error asks the client
 * not to repeat the call, because the handler has run.
 */
const unsent = ({ name, handler }: Operation, cause: QuaterError): QuaterError =>
  handler.effect === "read" ? cause : outputUndelivered(name, cause);

const fileContent = async (file: SentFile, operation: Operation, limits: Limits): Promise<string | QuaterError> => {
  // Base64 has four characters for three bytes. A file on disk may have any length, so check the length before the file is read.
  if (file.bytes > limits.maxBytes) return tooLarge(operation, limits.maxBytes);
  if (file.bytes >= largeAnswer && !limits.room.reserve(file.bytes)) return unsent(operation, tooMuchUnread());
  const parts: Buffer[] = [];
  for await (const part of file.stream()) parts.push(part as Buffer);
  return within(JSON.stringify([fileBlock(file, Buffer.concat(parts), operation)]), operation, limits);
};

const fileBlock = ({ name, mediaType, version }: SentFile, bytes: Buffer, { name: handler, output }: Operation): Block => {
  const { kind } = fileAnswerRulesOf(output) ?? {};
  if (kind !== undefined) return { type: kind, data: bytes.toString("base64"), mimeType: mediaType };
  // A file name with half of a surrogate pair cannot be encoded in a URI, so Buffer replaces the half.
  const end = name === undefined ? "" : `/${encodeURIComponent(Buffer.from(name).toString())}`;
  const uri = `quater://files/${handler}/${version}${end}`;
  return { type: "resource", resource: { uri, ...bodyOf(mediaType, bytes) } };
};

/** Returns the content of a file as the content of an MCP resource: as text if the bytes are text, otherwise as base64. */
export const bodyOf = (mimeType: string, bytes: Buffer): Block => {
  const text = isText(mimeType) ? textIn(bytes) : undefined;
  return { mimeType, ...(text === undefined ? { blob: bytes.toString("base64") } : { text }) };
};

const isText = (mediaType: string): boolean =>
  /^(?:text\/.+|application\/(?:json|xml|yaml|javascript)|.+\+(?:json|xml))(?:;|$)/.test(mediaType);

/** Returns the text that UTF-8 bytes encode, or `undefined` for other bytes. */
const textIn = (bytes: Buffer): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};
