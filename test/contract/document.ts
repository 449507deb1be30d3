// An OpenAPI 3.1 document as a client reads it: operations with their inputs, and a check of every answer.

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

export type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: Schema;
}

export interface Described {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: { readonly required: boolean; readonly schema: Schema } | undefined;
  readonly needsCredential: boolean;
  /** JSON Pointers to the responses, by status. */
  readonly responses: Readonly<Record<string, string>>;
}

/** What a server sent. */
export interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const methods = ["get", "put", "post", "patch", "delete"];
const step = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");
const isObject = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);

export class Document {
  readonly operations: readonly Described[];
  readonly #root: Schema;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
  readonly #checks = new Map<string, ValidateFunction>();

  constructor(root: object) {
    this.#root = root as Schema;
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(root, "document");
    this.operations = Object.entries(this.at("/paths")).flatMap(([path, item]) =>
      methods.filter((method) => method in (item as Schema)).map((method) => this.#described(path, method)),
    );
  }

  /** The object at a JSON Pointer. A `$ref` is followed. */
  at(pointer: string): Schema {
    const found = pointer
      .split("/")
      .slice(1)
      .reduce<unknown>((value, name) => (value as Schema)?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], this.#root);
    return this.followed(found as Schema);
  }

  followed(value: Schema): Schema {
    return typeof value?.["$ref"] === "string" ? this.at(value["$ref"].slice(1)) : value;
  }

  /** Whether a value fits a schema of the document. */
  fits(schema: Schema, value: unknown): boolean {
    return this.#check(JSON.stringify(schema), () => this.#anchored(schema))(value) as boolean;
  }

  /** The sentences about an answer that the document does not describe. */
  faultsOf({ responses }: Described, { status, headers, text }: Received): readonly string[] {
    const pointer = responses[status] ?? responses[`${String(status)[0]}XX`] ?? responses["default"];
    if (pointer === undefined) return [`the document has no answer with the status ${status}`];
    const response = this.at(pointer);
    const absent = Object.keys(isObject(response["headers"]) ? response["headers"] : {}).filter((name) => !headers.has(name));
    return [...absent.map((name) => `the header ${name} is absent`), ...this.#bodyFaults(pointer, response, headers, text)];
  }

  #bodyFaults(pointer: string, { content }: Schema, headers: Headers, text: string): readonly string[] {
    const type = headers.get("content-type")?.split(";")[0]?.trim() ?? "";
    if (!isObject(content)) return text === "" && type === "" ? [] : [`the body must be absent, and it is ${type} ${text}`];
    if (!(type in content)) return [`the media type is "${type}", and the document has ${Object.keys(content).join(", ")}`];
    const isStream = type === "application/x-ndjson";
    const place = `${this.#placeOf(pointer)}/content/${step(type)}/schema${isStream ? "/contentSchema" : ""}`;
    const check = this.#check(place, () => ({ $ref: `document#${encodeURI(place)}` }));
    const values = isStream ? text.split("\n").filter((line) => line !== "") : [text];
    return values.flatMap((value) =>
      check(JSON.parse(value)) ? [] : [`${type}: ${this.#ajv.errorsText(check.errors)} in ${value.slice(0, 500)}`],
    );
  }

  /** The place behind a `$ref`. */
  #placeOf(pointer: string): string {
    const raw = pointer
      .split("/")
      .slice(1)
      .reduce<unknown>((value, name) => (value as Schema)?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], this.#root);
    return isObject(raw) && typeof raw["$ref"] === "string" ? this.#placeOf(raw["$ref"].slice(1)) : pointer;
  }

  #check(key: string, schema: () => Schema): ValidateFunction {
    const known = this.#checks.get(key) ?? this.#ajv.compile(schema());
    this.#checks.set(key, known);
    return known;
  }

  /** References of the document are relative to it. */
  #anchored(schema: Schema): Schema {
    return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/')) as Schema;
  }

  #described(path: string, method: string): Described {
    const place = `/paths/${step(path)}/${method}`;
    const { operationId, parameters = [], requestBody, responses, security = [] } = this.at(place);
    const { required = false, content } = isObject(requestBody) ? this.followed(requestBody) : {};
    const json = isObject(content) ? (content["application/json"] as { readonly schema: Schema }) : undefined;
    return {
      id: String(operationId),
      method: method.toUpperCase(),
      path,
      parameters: (parameters as Schema[]).map((one) => this.followed(one) as unknown as Parameter),
      body: json === undefined ? undefined : { required: required === true, schema: json.schema },
      needsCredential: (security as object[]).length > 0 && (security as object[]).every((one) => Object.keys(one).length > 0),
      responses: Object.fromEntries(Object.keys(responses as Schema).map((status) => [status, `${place}/responses/${status}`])),
    };
  }
}
