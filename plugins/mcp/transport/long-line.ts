// Finds the id of a message that is too long to keep in memory, so that the refusal of the message can contain the id of the
// request. The id may be at the end of the message, because SDK clients write the id at the end. Of such a message, only the id
// stays in memory.

import { isId, longestId, type MessageId } from "../protocol/messages.ts";

const [quote, backslash, comma, colon] = [...'"\\,:'].map((character) => character.charCodeAt(0));
const [openBrace, closeBrace, openBracket, closeBracket] = [..."{}[]"].map((character) => character.charCodeAt(0));
/** The most bytes of an id in JSON text, because each character of the id may be an escape of six bytes. */
const longestText = 6 * longestId + 2;

/** Reads one line of JSON in parts and finds the id of the message. */
export class IdFinder {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isKey = false;
  #key = "";
  /** The bytes of the current key or value at the first level of the message. */
  #text: number[] = [];
  readonly #found: unknown[] = [];

  /** The id of the message; `undefined` if the line has no id, more than one id, or an id that is not valid. */
  get id(): MessageId | undefined {
    const [id] = this.#found;
    return this.#found.length === 1 && isId(id) ? id : undefined;
  }

  read(part: Buffer): void {
    for (const byte of part) {
      if (this.#isInString) this.#readInString(byte);
      else this.#readOutside(byte);
    }
  }

  #readInString(byte: number): void {
    this.#keep(byte);
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) {
      this.#isInString = false;
      if (this.#depth === 1 && this.#isKey) {
        this.#key = String(this.#taken());
        this.#isKey = false;
      }
    }
  }

  #readOutside(byte: number): void {
    if (byte === quote) this.#isInString = true;
    const isClosing = byte === closeBrace || byte === closeBracket;
    if (this.#depth === 1 && (byte === comma || isClosing)) {
      if (this.#key === "id") this.#found.push(this.#taken());
      this.#key = "";
      this.#text = [];
      this.#isKey = byte === comma;
    } else if (this.#depth === 1 && byte === colon) this.#text = [];
    else this.#keep(byte);
    if (isClosing) this.#depth--;
    else if (byte === openBrace || byte === openBracket) {
      this.#depth++;
      if (this.#depth === 1) {
        this.#isKey = byte === openBrace;
        this.#text = [];
      }
    }
  }

  #keep(byte: number): void {
    if (this.#depth === 1 && this.#text.length <= longestText) this.#text.push(byte);
  }

  /** Returns the key or value in `#text`; `undefined` if the bytes are not exactly one text or number. */
  #taken(): unknown {
    const text = Buffer.from(this.#text).toString("utf8");
    this.#text = [];
    try {
      return JSON.parse(text);
    } catch {
      return undefined; // The bytes are the first character of an object or an array, or a part of a text that was too long.
    }
  }
}
