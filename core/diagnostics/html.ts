// Makes HTML from template strings. `html` escapes all values, except values that `html` has made.

/** A text that is HTML. Only the function `html` makes objects of the class `Html`. */
export class Html {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static of(strings: readonly string[], values: readonly Part[]): Html {
    return new Html(strings.reduce((all, text, index) => `${all}${Html.#written(values[index - 1])}${text}`));
  }

  toString(): string {
    return this.#text;
  }

  static #written(part: Part): string {
    if (part === undefined || part === false) return "";
    if (typeof part === "object" && #text in part) return part.#text;
    return Array.isArray(part) ? part.map((each) => Html.#written(each)).join("") : escaped(String(part));
  }
}

/** A value inside a template. `undefined` and `false` become an empty text. `html` joins the items of a list. */
export type Part = Html | string | number | undefined | false | readonly Part[];

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Escapes a text for HTML. The escaped text is also safe inside quoted attributes. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] as string);

export const html = (strings: TemplateStringsArray, ...values: readonly Part[]): Html => Html.of(strings, values);
