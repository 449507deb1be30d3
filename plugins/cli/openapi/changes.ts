// Finds the differences between an older OpenAPI document and the current one, and marks the differences that break clients.

import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { textOf } from "./misfits.ts";
import { followed, listIn, tableIn } from "./schema.ts";
import { type Difference, type Direction, differences } from "./sentences.ts";

export interface Change extends Difference {
  /** The changed operation, such as `POST /orders`, or `the document`. */
  readonly operation: string;
}

interface Operation {
  readonly document: JsonSchema;
  readonly item: JsonSchema;
  readonly object: JsonSchema;
}

const methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

const operationsOf = (document: JsonSchema): ReadonlyMap<string, Operation> =>
  new Map(
    Object.entries(tableIn(document, "paths")).flatMap(([path, given]) => {
      const item = followed(document, given);
      return methods.flatMap((method): [string, Operation][] =>
        isPlainObject(item[method]) ? [[`${method.toUpperCase()} ${path}`, { document, item, object: item[method] }]] : [],
      );
    }),
  );

/** Returns the changes in the order of the older OpenAPI document. The changes that break clients come first. */
export const changesBetween = (kept: JsonSchema, present: JsonSchema): readonly Change[] => {
  const [before, after] = [operationsOf(kept), operationsOf(present)];
  const found: Change[] = [...serverChanges(kept, present)];
  for (const [name, operation] of before) {
    const now = after.get(name);
    if (now === undefined) found.push({ operation: name, isBreaking: true, what: "is gone" });
    else for (const difference of operationDifferences(operation, now)) found.push({ operation: name, ...difference });
  }
  for (const name of after.keys()) if (!before.has(name)) found.push({ operation: name, isBreaking: false, what: "is new" });
  return [...found.filter(({ isBreaking }) => isBreaking), ...found.filter(({ isBreaking }) => !isBreaking)];
};

const serverChanges = (kept: JsonSchema, present: JsonSchema): readonly Change[] => {
  const urls = (document: JsonSchema) => listIn(document, "servers").map((server) => followed(document, server)["url"] ?? "/");
  const [before, after] = [urls(kept), urls(present)];
  if (textOf(before) === textOf(after)) return [];
  const isBreaking = !before.some((url) => after.includes(url));
  return [{ operation: "the document", isBreaking, what: `servers changed from ${before.join(", ")} to ${after.join(", ")}` }];
};

const breaking = (what: string): Difference => ({ isBreaking: true, what });
const compatible = (what: string): Difference => ({ isBreaking: false, what });

const operationDifferences = (before: Operation, after: Operation): readonly Difference[] => {
  const [id, newId] = [before.object["operationId"], after.object["operationId"]];
  const isNewlyDeprecated = before.object["deprecated"] !== true && after.object["deprecated"] === true;
  return [
    ...(id === newId
      ? []
      : [breaking(`operationId changed from ${String(id)} to ${String(newId)}, which renames the method in generated clients`)]),
    ...(isNewlyDeprecated ? [compatible("is deprecated now")] : []),
    ...securityDifferences(before, after),
    ...parameterDifferences(before, after),
    ...bodyDifferences(before, after),
    ...answerDifferences(before, after),
  ];
};

/**
 * Returns the alternative credentials of an operation, each with its security schemes and scopes. The function compares the
 * contents of the security schemes and not their names, because a security scheme may have another name now.
 */
const alternativesOf = ({ document, object }: Operation): readonly (readonly string[])[] => {
  const security = Array.isArray(object["security"]) ? object["security"] : listIn(document, "security");
  const schemes = tableIn(tableIn(document, "components"), "securitySchemes");
  const choices = security.filter(isPlainObject).map((one) =>
    Object.entries(one).flatMap(([name, scopes]) => {
      const { description: _, ...scheme } = followed(document, schemes[name]);
      return [schemeWords(scheme), ...(Array.isArray(scopes) ? scopes : []).map((scope) => `the scope ${String(scope)}`)];
    }),
  );
  const scopes = listIn(object, "x-quater-scopes").filter(Array.isArray) as string[][];
  const withScopes = (choice: readonly string[]) =>
    scopes.length === 0 || choice.length === 0
      ? [choice]
      : scopes.map((some) => [...choice, ...some.map((scope) => `the scope ${scope}`)]);
  return choices.length === 0 ? [[]] : choices.flatMap(withScopes);
};

const schemeWords = (scheme: JsonSchema): string =>
  scheme["type"] === "http"
    ? `Authorization: ${String(scheme["scheme"])}`
    : scheme["type"] === "apiKey"
      ? `the ${String(scheme["in"])} ${String(scheme["name"])}`
      : textOf(scheme);

const securityDifferences = (before: Operation, after: Operation): readonly Difference[] => {
  const [old, now] = [alternativesOf(before), alternativesOf(after)];
  const isEnough = (shown: readonly string[], choices: typeof now) =>
    choices.some((choice) => choice.every((one) => shown.includes(one)));
  const words = (choice: readonly string[]) => (choice.length === 0 ? "no credential" : choice.join(" and "));
  const nearest = (shown: readonly string[]) =>
    now.map((choice) => choice.filter((one) => !shown.includes(one))).toSorted((a, b) => a.length - b.length)[0] ?? [];
  return [
    ...old
      .filter((shown) => !isEnough(shown, now))
      .map((shown) => breaking(`${words(shown)} is no longer enough: callers need ${nearest(shown).join(" and ")}`)),
    ...now.filter((shown) => !isEnough(shown, old)).map((shown) => compatible(`${words(shown)} is enough now`)),
  ];
};

const approvalHeader = "header quater-approval";

const parametersOf = ({ document, item, object }: Operation): ReadonlyMap<string, JsonSchema> =>
  new Map(
    [...listIn(item, "parameters"), ...listIn(object, "parameters")].map((given) => {
      const parameter = followed(document, given);
      const name = String(parameter["name"]);
      return [`${String(parameter["in"])} ${parameter["in"] === "header" ? name.toLowerCase() : name}`, parameter];
    }),
  );

const parameterDifferences = (before: Operation, after: Operation): readonly Difference[] => {
  const [old, now] = [parametersOf(before), parametersOf(after)];
  const found: Difference[] = [];
  for (const [name, parameter] of old) {
    const other = now.get(name);
    if (name === approvalHeader) continue; // The changed answer 428 already reports this change.
    if (other === undefined) found.push(breaking(`${name}: is no longer accepted`));
    else
      found.push(
        ...named(name, requiredDifferences(parameter, other)),
        ...named(name, inputDifferences(before, parameter, after, other)),
      );
  }
  for (const [name, parameter] of now)
    if (!old.has(name) && name !== approvalHeader)
      found.push(
        parameter["required"] === true ? breaking(`${name}: is new and required`) : compatible(`${name}: is new and optional`),
      );
  return found;
};

const named = (name: string, found: readonly Difference[]): readonly Difference[] =>
  found.map(({ isBreaking, what }) => ({ isBreaking, what: what.startsWith("/") ? `${name} ${what}` : `${name}: ${what}` }));

const requiredDifferences = (before: JsonSchema, after: JsonSchema): readonly Difference[] => {
  const [was, is] = [before["required"] === true, after["required"] === true];
  if (was === is) return [];
  return [is ? breaking("is required now") : compatible("is optional now")];
};

const inputDifferences = (before: Operation, a: JsonSchema, after: Operation, b: JsonSchema): readonly Difference[] =>
  schemaDifferences(before, a["schema"], after, b["schema"], "input");

const schemaDifferences = (before: Operation, a: unknown, after: Operation, b: unknown, direction: Direction) =>
  differences({ document: before.document, schema: a }, { document: after.document, schema: b }, direction);

const bodyDifferences = (before: Operation, after: Operation): readonly Difference[] => {
  const [old, now] = [before, after].map(({ document, object }) =>
    "requestBody" in object ? followed(document, object["requestBody"]) : undefined,
  );
  if (old === undefined && now === undefined) return [];
  if (now === undefined || old === undefined) {
    if (old !== undefined) return [breaking("body: is no longer accepted")];
    return [
      now?.["required"] === true
        ? breaking("body: clients must send a body now")
        : compatible("body: clients may send a body now"),
    ];
  }
  return named("body", [...requiredDifferences(old, now), ...contentDifferences(before, old, after, now, "input")]);
};

const contentDifferences = (before: Operation, a: JsonSchema, after: Operation, b: JsonSchema, direction: Direction) => {
  const [old, now] = [tableIn(a, "content"), tableIn(b, "content")];
  const fresh = Object.keys(now).filter((type) => !(type in old));
  return [
    ...Object.entries(old).flatMap(([type, media]) =>
      type in now
        ? schemaDifferences(
            before,
            followed(before.document, media)["schema"],
            after,
            followed(after.document, now[type])["schema"],
            direction,
          )
        : [breaking(`${type} is gone`)],
    ),
    ...fresh.map((type) => compatible(`${type} is new`)),
  ];
};

const answerDifferences = (before: Operation, after: Operation): readonly Difference[] => {
  const [old, now] = [tableIn(before.object, "responses"), tableIn(after.object, "responses")];
  const found: Difference[] = [];
  const isSuccess = (status: string) => status.startsWith("2");
  for (const [status, answer] of Object.entries(old)) {
    if (!(status in now)) {
      if (status === "428") found.push(compatible("calls no longer need approval"));
      else found.push({ isBreaking: isSuccess(status), what: `answer ${status}: is gone` });
      continue;
    }
    const [a, b] = [followed(before.document, answer), followed(after.document, now[status])];
    found.push(...named(`answer ${status}`, contentDifferences(before, a, after, b, "output")));
  }
  for (const status of Object.keys(now))
    if (!(status in old)) {
      if (status === "428") found.push(breaking("each call needs approval now"));
      else found.push({ isBreaking: isSuccess(status), what: `answer ${status}: is new` });
    }
  return found;
};
