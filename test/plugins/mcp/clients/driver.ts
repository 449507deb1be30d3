// Runs one client through all actions and prints a JSON object with what the client got. The file runs on the Node of npm's
// `node` package, because some clients need Node 22.

import { inspector, strictList } from "./inspector.ts";
import { aiSdk, langchain, mastra, mcpUse, openAiAgents } from "./libraries.ts";
import { first, secondAuto, secondLegacy, secondPinned } from "./sdk.ts";
import type { Open, Session, Way } from "./session.ts";

const clients: Readonly<Record<string, Open>> = {
  "SDK v1": first,
  "SDK v2": secondLegacy,
  "SDK v2 auto": secondAuto,
  "SDK v2 pinned": secondPinned,
  Inspector: inspector,
  "@ai-sdk/mcp": aiSdk,
  "@openai/agents": openAiAgents,
  "mcp-use": mcpUse,
  "@langchain/mcp-adapters": langchain,
  "@mastra/mcp": mastra,
};

interface Job extends Way {
  readonly actions: readonly string[];
  /** The base URL of the approvals API, and the token of an approver. */
  readonly approvals: string;
  readonly approver: string;
}

const job = JSON.parse(process.argv[2] ?? "") as Job;
const open = clients[job.client];
if (open === undefined) throw new Error(`There is no client ${job.client}`);

/** What the client got: the text of a result or of a tool error, or the message of a thrown error. */
const got = async (calling: Promise<{ isError: boolean; text: string }>): Promise<string> => {
  try {
    const { isError, text } = await calling;
    return isError ? `tool error: ${text}` : text;
  } catch (error) {
    return `thrown: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** Calls a tool whose handler goes on only when the client has got its progress. */
const heard = async (session: Session, name: string, values: Readonly<Record<string, unknown>>): Promise<unknown> => {
  const progress: unknown[] = [];
  const giving: Promise<string>[] = [];
  const onProgress = (one: unknown) => {
    progress.push(one);
    giving.push(got(session.call("give", { sign: `${job.client} ${name} ${progress.length}` })));
  };
  const text = await got(session.call(name, { ...values, mark: `${job.client} ${name}` }, { onProgress }));
  await Promise.all(giving);
  return [...progress, text];
};

const until = (session: Session, sign: string): Promise<string> => got(session.call("until", { sign }));

const vote = async (id: string): Promise<void> => {
  const headers = { authorization: `Bearer ${job.approver}`, "content-type": "application/json" };
  const url = `${job.approvals}/${id}`;
  const { digest } = (await (await fetch(url, { headers })).json()) as { digest: string };
  const body = JSON.stringify({ verdict: "approve", digest });
  const response = await fetch(`${url}/votes`, { method: "POST", headers, body });
  if (!response.ok) throw new Error(`The vote was refused with ${response.status}: ${await response.text()}`);
};

/** An amount for each client, so that each client needs an approval of its own. */
const cents = 100 + Object.keys(clients).indexOf(job.client) * 2 + (job.over === "http" ? 0 : 1);

const actions: Readonly<Record<string, (session: Session) => Promise<unknown>>> = {
  list: (session) => session.list().then((names) => names.join(" ")),
  strict: () => strictList(job),
  call: (session) => got(session.call("add", { a: 2 })),
  write: (session) => got(session.call("keep", { text: "milk" })),
  wrong: (session) => got(session.call("keep", { text: "x".repeat(21) })),
  watch: async (session) => {
    const text = `milk ${cents}`;
    let onUpdated = (_uri: string) => {};
    const updated = new Promise<string>((resolve) => {
      onUpdated = resolve;
    });
    await session.watch?.(`note://${encodeURIComponent(text)}`, onUpdated);
    await got(session.call("keep", { text: encodeURIComponent(text) }));
    return (await updated) === `note://${encodeURIComponent(text)}`;
  },
  union: (session) => got(session.call("outline", { shape: { kind: "rectangle", width: 1, height: 2 } })),
  progress: (session) => heard(session, "steps", {}),
  stream: (session) => heard(session, "count", { to: 2 }),
  steps: (session) => got(session.call("steps", {})),
  items: (session) => got(session.call("count", { to: 2 })),
  cancel: async (session) => {
    const mark = `${job.client} cancel`;
    const cancelling = new AbortController();
    const waiting = got(session.call("wait", { mark }, { signal: cancelling.signal }));
    await until(session, `${mark} started`);
    cancelling.abort();
    const aborted = await until(session, `${mark} aborted`);
    await waiting;
    return aborted;
  },
  timeOut: async () => {
    const mark = `${job.client} time-out`;
    const session = await open(job, 1_500);
    await got(session.call("wait", { mark }));
    const aborted = await until(session, `${mark} aborted`);
    await session.close();
    return aborted;
  },
  approval: async (session) => {
    const asked = await got(session.call("pay", { cents }));
    const [id = ""] = /apr_\w+/.exec(asked) ?? [];
    if (id === "") return asked;
    await vote(id);
    return [/A human must approve this exact call/.exec(asked)?.[0], await got(session.call("pay", { cents }))];
  },
};

const session = await open(job);
const seen: Record<string, unknown> = {};
for (const name of job.actions) seen[name] = await actions[name]?.(session);
await session.close();
process.stdout.write(JSON.stringify(seen), () => process.exit(0)); // Some clients keep timers.
