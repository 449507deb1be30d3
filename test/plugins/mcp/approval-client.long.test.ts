// The client of version 2 of the SDK, whose user is asked to open the approvals page, against a running app. The client has a
// lockfile of its own in clients/.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { installed } from "../../installed.ts";
import { onBothDialects } from "../approval/dialects-kit.ts";
import { tempFolder } from "../audit/kit.ts";
import { bootTill, idIn, type Till, toBo, whenHeld } from "./approval-kit.ts";
import { urlOf } from "./shop.ts";

interface Question {
  readonly params: { readonly mode: string; readonly url: string; readonly message: string };
}

interface Result {
  readonly isError?: boolean;
  readonly content: readonly { readonly text: string }[];
  readonly structuredContent?: object;
}

/** The part of the SDK that the tests use. */
interface Sdk {
  readonly Client: new (
    about: object,
    options: object,
  ) => {
    setRequestHandler(method: string, answer: (question: Question) => Promise<{ readonly action: string }>): void;
    connect(transport: object): Promise<void>;
    callTool(call: { readonly name: string; readonly arguments: object }): Promise<Result>;
    close(): Promise<void>;
  };
  readonly StreamableHTTPClientTransport: new (url: URL, options: object) => object;
}

let sdk: Sdk | undefined;
let reason = "";

beforeAll(async () => {
  try {
    const tools = await installed(join(import.meta.dirname, "clients"));
    const file = join(tools, "node_modules/@modelcontextprotocol/client/dist/index.mjs");
    sdk = (await import(pathToFileURL(file).href)) as Sdk;
  } catch (error) {
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw error;
    reason = `no MCP clients: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
    process.stderr.write(`Skipped, ${reason}\n`);
  }
}, 600_000);

type Answer = (id: string, times: number) => string | Promise<string>;

/** Calls `pay` with a client whose user gives these answers. @returns The result, and the questions that the user got. */
const paidBy = async ({ Client, StreamableHTTPClientTransport }: Sdk, url: string, answer: Answer) => {
  const options = { capabilities: { elicitation: { url: {} } }, versionNegotiation: { mode: { pin: "2026-07-28" } } };
  const client = new Client({ name: "test", version: "1" }, options);
  const questions: Question["params"][] = [];
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    questions.push(params);
    return { action: await answer(idIn(params.url), questions.length) };
  });
  const requestInit = { headers: { authorization: "Bearer ana" } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  try {
    return { result: await client.callTool({ name: "pay", arguments: toBo }), questions };
  } finally {
    await client.close();
  }
};

/** Decides a request as soon as the server holds the repeated call. */
const decidesWhenHeld = (till: Till, id: string, verdict?: "approve" | "deny", decider: Till = till): Promise<void> => {
  const before = till.checks();
  return whenHeld(till, before).then(() => decider.vote(id, verdict));
};

const withSdk = (title: string, prove: (sdk: Sdk, root: string) => Promise<void>) =>
  test(title, async ({ skip }) => {
    if (sdk === undefined) return skip(reason);
    using folder = tempFolder();
    await prove(sdk, folder.root);
  });

withSdk("an MCP client whose user opens the approvals page gets the result of the call after the approval", async (sdk, root) => {
  await using till = await bootTill({ root });
  let deciding: Promise<void> | undefined;
  const { result, questions } = await paidBy(sdk, urlOf(till.app), (id) => {
    deciding = decidesWhenHeld(till, id);
    return "accept";
  });
  await deciding;
  expect(result.structuredContent).toEqual({ paid: 5 });
  expect(questions).toMatchObject([
    { mode: "url", message: expect.stringContaining("People must approve this exact call") as string },
  ]);
  expect(till.paid).toEqual([toBo]);
});

withSdk("an MCP client whose call Quater holds gets the denial of the approvers", async (sdk, root) => {
  await using till = await bootTill({ root });
  let deciding: Promise<void> | undefined;
  const { result } = await paidBy(sdk, urlOf(till.app), (id) => {
    deciding = decidesWhenHeld(till, id, "deny");
    return "accept";
  });
  await deciding;
  expect(result).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining("A human denied this call") as string }],
  });
  expect(till.paid).toEqual([]);
});

withSdk(
  "an MCP client asks its user again when the first held repetition of a call ended without a decision",
  async (sdk, root) => {
    await using till = await bootTill({ root, mcp: { approvalHoldMs: 1 } });
    const { result, questions } = await paidBy(sdk, urlOf(till.app), async (id, times) => {
      if (times === 2) await till.vote(id);
      return "accept";
    });
    expect([questions.length, result.structuredContent]).toEqual([2, { paid: 5 }]);
  },
);

withSdk("an MCP client whose user accepts every question cannot run a call that nobody approves", async (sdk, root) => {
  await using till = await bootTill({ root, mcp: { approvalHoldMs: 1 } });
  const { result, questions } = await paidBy(sdk, urlOf(till.app), () => "accept");
  expect(questions.length).toBe(3);
  expect(result).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining("A human must approve this exact call") as string }],
  });
  expect(till.paid).toEqual([]);
});

test.for(["decline", "cancel"] as const)(
  "an MCP client whose user answers the question about approval with %s gets a tool error",
  async (action, { skip }) => {
    if (sdk === undefined) return skip(reason);
    using folder = tempFolder();
    await using till = await bootTill({ root: folder.root });
    const { result, questions } = await paidBy(sdk, urlOf(till.app), () => action);
    expect([questions.length, result.isError]).toEqual([1, true]);
    expect(result.content[0]?.text).toMatch(/The call did not run.*The approval request apr_\w+ is still pending/);
    expect(till.paid).toEqual([]);
  },
);

withSdk("an MCP client repeats its call at a server that restarted while the client asked its user", async (sdk, root) => {
  const first = await bootTill({ root });
  const url = urlOf(first.app);
  let second: Till | undefined;
  let deciding: Promise<void> | undefined;
  const { result, questions } = await paidBy(sdk, url, async (id) => {
    await first.app.stop();
    second = await bootTill({ root, port: Number(new URL(url).port) });
    deciding = decidesWhenHeld(second, id);
    return "accept";
  });
  await deciding;
  expect([questions.length, result.structuredContent]).toEqual([1, { paid: 5 }]);
  expect([first.paid, second?.paid]).toEqual([[], [toBo]]);
  await second?.app.stop();
});

onBothDialects((claim) => {
  claim("an MCP client gets the result of a held call that people approve at another instance", async ({ root, url }) => {
    if (sdk === undefined) return;
    await using here = await bootTill({ root, url });
    await using there = await bootTill({ root, url });
    let deciding: Promise<void> | undefined;
    const { result } = await paidBy(sdk, urlOf(here.app), (id) => {
      deciding = decidesWhenHeld(here, id, "approve", there);
      return "accept";
    });
    await deciding;
    expect(result.structuredContent).toEqual({ paid: 5 });
    expect([here.paid, there.paid]).toEqual([[toBo], []]);
  });
});
