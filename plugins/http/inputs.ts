// Reads the parts of a call's input from an HTTP request: path, query, body, and the headers and cookies that a route binds to
// inputs.

import type { IncomingMessage, ServerResponse } from "node:http";
import { visible } from "../../core/diagnostics/text.ts";
import { invalid } from "../../core/index.ts";
import { cookieIn } from "../../core/model/credentials.ts";
import { andThen } from "../../core/model/principal.ts";
import { isApprovalId } from "../../core/plugin/gate.ts";
import type { Uploading } from "../../core/plugin/uploading.ts";
import type { Awaitable, GivenInput } from "../../core/plugin-api.ts";
import { pointerStep } from "../../core/schema/json.ts";
import { isPlainObject } from "../../core/schema/schema.ts";
import { hasBody, readQuery } from "./body.ts";
import { readBody } from "./form.ts";
import { TransportRefusal } from "./refusals.ts";
import type { BoundInput } from "./route.ts";
import type { RouteMatch } from "./routes.ts";

/**
 * The name of the header in which the caller sends the id of an approval request. Node joins repeated headers, and two joined ids
 * are not a valid id.
 */
export const approvalHeader = "quater-approval";

/**
 * Reads the input of a call from an HTTP request. Quater calls this function after the static part of the policy has allowed the
 * call. @throws {QuaterError} or rejects with a QuaterError.
 */
export const givenBy = (
  req: IncomingMessage,
  res: ServerResponse,
  { target, params, query }: RouteMatch,
  maxBodyBytes: number,
  uploads?: Uploading,
): Awaitable<GivenInput[]> => {
  const { plan, isSecret } = target;
  const named = req.headers[approvalHeader];
  if (named !== undefined && !isApprovalId(named))
    throw new TransportRefusal("bad_request", "The header Quater-Approval must be the id of one approval");
  const given: GivenInput[] = [];
  if (plan.params.length > 0) given.push({ from: "path", isText: true, values: params });
  if (query !== "") {
    const values = kept(readQuery(query), target.drops) as Record<string, string | string[]>;
    const secret = isSecret && Object.keys(values).find(isSecret);
    // Quater refuses a secret field in a URL, because proxies, browsers and servers log URLs.
    if (secret !== undefined)
      invalid(visible(`/${pointerStep(secret)}`), "is a secret and must not be in a URL: send the secret in the body");
    given.push({ from: "query", isText: true, values });
  }
  if (!hasBody(req)) return complete(req, plan.bound, given);
  if (plan.method === "GET")
    throw new TransportRefusal("bad_request", "A GET request must not have a body", { connection: "close" });
  const { takesForms, fileBytes } = target;
  return andThen(readBody(req, res, { maxBytes: maxBodyBytes, takesForms, uploads, fileBytes }), (parts) => {
    for (const part of parts) {
      const values = kept(plan.body === undefined ? part.values : insideOf(plan.body, part.values), target.drops);
      given.push(values === part.values ? part : { ...part, values });
    }
    return complete(req, plan.bound, given);
  });
};

/**
 * Returns the content of the envelope `key`. @throws {QuaterError} `invalid_input` for a body that is not an object with only
 * this key.
 */
const insideOf = (key: string, values: unknown): unknown => {
  if (!isPlainObject(values)) return invalid("/", `must be an object with the key ${key}`);
  const beside = Object.keys(values).find((name) => name !== key);
  if (beside !== undefined)
    invalid(visible(`/${pointerStep(beside)}`), `is not a known field: put every input under the key ${key}`);
  const inside = values[key];
  return isPlainObject(inside) ? inside : invalid(`/${key}`, "must be an object with the inputs");
};

/** Removes the fields that are no inputs. @param inputs  The names of the inputs, if the route drops other fields. */
const kept = (values: unknown, inputs: ReadonlySet<string> | undefined): unknown => {
  if (inputs === undefined || !isPlainObject(values) || Object.keys(values).every((name) => inputs.has(name))) return values;
  return Object.fromEntries(Object.entries(values).filter(([name]) => inputs.has(name)));
};

const complete = (req: IncomingMessage, bound: readonly BoundInput[], given: GivenInput[]): GivenInput[] => {
  if (bound.length > 0) given.push(...boundInputs(req, bound, given));
  return given.length === 0 ? [{ from: "query", isText: true, values: {} }] : given;
};

/** Adds the inputs that the route binds to headers and cookies. Quater reads a bound input only from its header or cookie. */
const boundInputs = (req: IncomingMessage, bound: readonly BoundInput[], given: readonly GivenInput[]): GivenInput[] =>
  bound.flatMap(({ name, from, key }) => {
    if (given.some(({ values }) => values !== null && typeof values === "object" && Object.hasOwn(values, name))) {
      invalid(`/${name}`, `must come from the ${from} ${key}: remove this field from all other places`);
    }
    const value =
      from === "header"
        ? headerOf(req, key)
        : cookieIn(req.headers.cookie, key, () => invalid(`/${name}`, "is given more than once"));
    if (value === undefined) return [];
    const read = (text: string) => decoded(text, `The ${from} ${key}`);
    return [{ from, isText: true, values: { [name]: typeof value === "string" ? read(value) : value.map(read) } }];
  });

/**
 * Returns the value of a header, or a list of values for a repeated header. Node would join the values of a repeated header, and
 * binding would not notice that the header is repeated.
 */
const headerOf = (req: IncomingMessage, key: string): string | readonly string[] | undefined => {
  const lines = req.headersDistinct[key];
  return lines?.length === 1 ? lines[0] : lines;
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes the text of a header. Node reads each byte of a header as one character, but clients write UTF-8. */
const decoded = (text: string, what: string): string => {
  if (!/[\x80-\xff]/.test(text)) return text;
  try {
    return utf8.decode(Buffer.from(text, "latin1"));
  } catch {
    throw new TransportRefusal("bad_request", `${what} is not UTF-8`);
  }
};
