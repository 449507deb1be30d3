// The errors of Conduit. The key in the answer names the object of the error: { "errors": { "article": ["not found"] } }.

import { problem, Type } from "quater";
import type { ProblemDetails } from "quater/http";

export const wrongCredentials = problem("wrong_credentials", "unauthenticated");
export const taken = problem("taken", "conflict");
export const absent = problem("absent", "not_found");
export const notYours = problem("not_yours", "forbidden");

/** @throws {QuaterError} `absent`: `{ "article": ["not found"] }`. */
export const notFound = (about: "article" | "comment" | "profile") => absent("not found", { details: { about } });

const messagesOf = ({ code, detail, errors = [], about = "body" }: ProblemDetails): Record<string, string[]> => {
  if (code === "unauthenticated") return { token: ["is missing"] };
  if (code === "invalid_token") return { token: ["is invalid"] };
  if (errors.length === 0) return { [String(about)]: [detail] };
  return Object.fromEntries(errors.map(({ path, message }) => [path.split("/")[1] || "body", [message]]));
};

export const errorFormat = {
  schema: Type.Object({ errors: Type.Record(Type.String(), Type.Array(Type.String())) }),
  from: (refused: ProblemDetails) => ({ errors: messagesOf(refused) }),
};
