import { anyone, can, handler, isQuaterError, personOf, problem, rateLimited, Type } from "quater";
import { httpRef } from "quater/http";
import { anonymous, isBootError } from "quater/plugin-api";
import { bearer, http } from "quater/plugins";
import { bootTest, principal, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";

const about = { description: "Does.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => null } as const;
const archived = problem("note_archived", "conflict");
const thrown = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

test("a function made by problem() throws an error with its code and kind", async () => {
  const archive = handler({
    ...about,
    problems: [archived],
    handle: () => archived("It is archived", { details: { since: 2024 } }),
  });
  await using app = await bootTest({ handlers: { archive } });
  expect(await app.as(principal()).call("archive")).toMatchObject({
    ok: false,
    error: { code: "note_archived", kind: "conflict", message: "It is archived", details: { since: 2024 } },
  });
  expect(app.catalog.get("archive")?.problems).toEqual([{ code: "note_archived", kind: "conflict" }]);
});

test.each([
  ["rate_limited", 1],
  ["unavailable", 1],
  ["conflict", undefined],
] as const)("problem() with the kind %s sets the default for retryAfterSeconds", (kind, retryAfterSeconds) => {
  const busy = problem("notes_busy", kind);
  expect(thrown(() => busy("Busy"))).toMatchObject({ code: "notes_busy", kind, retryAfterSeconds });
  expect(thrown(() => busy("Busy", { retryAfterSeconds: 30 }))).toMatchObject({ retryAfterSeconds: 30 });
});

test("rateLimited() throws the code rate_limited, or another code that the handler gives", () => {
  expect(thrown(() => rateLimited("Ten a minute"))).toMatchObject({
    code: "rate_limited",
    kind: "rate_limited",
    retryAfterSeconds: 1,
  });
  expect(thrown(() => rateLimited("Ten a minute", { code: "notes_quota", retryAfterSeconds: 60 }))).toMatchObject({
    code: "notes_quota",
    retryAfterSeconds: 60,
  });
});

test("H21: personOf returns the person of a principal, and refuses a principal without a person", () => {
  expect(personOf(principal({ person: "ana" }))).toBe("ana");
  const nobodies = [anonymous, { ...anonymous, person: "" }, { ...anonymous, kind: "agent", actsFor: "ana" } as const];
  for (const nobody of nobodies) {
    const refusal = thrown(() => personOf(nobody));
    expect(isQuaterError(refusal) && refusal.kind).toBe("forbidden");
  }
});

describe("boot refuses wrong problems of a handler", () => {
  const problemsOf = async (...listed: readonly unknown[][]): Promise<readonly string[]> => {
    const handlers = Object.fromEntries(listed.map((problems, index) => [`h${index}`, handler({ ...about, problems } as never)]));
    try {
      await using _app = await bootTest({ handlers });
      return [];
    } catch (error) {
      if (!isBootError(error)) throw error;
      return error.problems.map(({ cause }) => cause);
    }
  };

  test.each([
    [problem("conflict", "not_found"), "The handler h0 declares the problem conflict, which is an error code of Quater itself"],
    [problem("conflict", "conflict"), "The handler h0 declares the problem conflict, which is an error code of Quater itself"],
    [
      problem("approval_denied", "conflict"),
      "The handler h0 declares the problem approval_denied, which is an error code of Quater itself",
    ],
    [problem("NoteArchived", "conflict"), 'The handler h0 declares the problem "NoteArchived", which is not a valid error code'],
    [
      problem("note_archived", "approval_refused" as never),
      'The handler h0 declares the problem note_archived with the unknown kind "approval_refused"',
    ],
    [() => "note_archived", 'The handler h0 declares the problem () => "note_archived", which is not a valid error code'],
  ])("boot refuses a handler that declares the error code %s in problems", async (listed, cause) => {
    expect(await problemsOf([listed])).toEqual([cause]);
  });

  test("boot refuses an error code that two handlers declare with different kinds", async () => {
    expect(await problemsOf([archived], [problem("note_archived", "conflict")], ["note_archived"])).toEqual([]);
    expect(await problemsOf([archived], [problem("note_archived", "not_found")])).toEqual([
      "The handler h1 declares the problem note_archived with the kind not_found, but the handler h0 declares note_archived with the kind conflict",
    ]);
  });
});

test("H15: a handler that throws unauthenticated answers with 401, and WWW-Authenticate names the schemes of the authenticator", async () => {
  const wrongPassword = problem("wrong_password", "unauthenticated");
  const logIn = handler({ ...about, problems: [wrongPassword], handle: () => wrongPassword("The password is wrong") });
  const authenticate = bearer({ scheme: "Token", verify: () => undefined });
  await using app = await bootTest({
    handlers: { logIn },
    expose: { logIn: { http: "POST /login", public: true } },
    plugins: [http({ port: 0, authenticate })],
  });
  const answer = await fetch(`${app.services.get(httpRef).baseUrl}/login`, { method: "POST" });
  expect(answer.status).toBe(401);
  expect(answer.headers.get("www-authenticate")).toBe("Token");
  expect(await answer.json()).toMatchObject({ code: "wrong_password", detail: "The password is wrong" });
});

test("the OpenAPI document has the HTTP status of each problem that a handler declares", async () => {
  const save = handler({
    ...about,
    auth: can("x"),
    problems: [archived, problem("note_gone", "not_found"), problem("note_full", "conflict"), "untyped"],
  });
  await using app = await bootTest({
    handlers: { save },
    expose: { save: { http: "POST /notes" } },
    plugins: [http({ port: 0, authenticate: tokens({}) })],
  });
  const document = (await app.services.get(httpRef).openApi(undefined)) as {
    readonly paths: Record<string, { readonly post: { readonly responses: Record<string, { readonly description?: string }> } }>;
  };
  const responses = Object.entries(document.paths["/notes"]?.post.responses ?? {});
  const own = responses.filter(([, { description = "" }]) => description.includes("Codes of this handler"));
  expect(Object.fromEntries(own.map(([status, { description }]) => [status, description]))).toEqual({
    404: "Refused. Codes of this handler: note_gone",
    409: "Refused. Codes of this handler: note_archived, note_full",
    default: "Refused or failed. Codes of this handler: untyped",
  });
});
