// H16: Prism, as a proxy that compares requests and answers with the document, finds no violation. Prism has its own lockfile in
// prism/ and runs on Node 24.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { installed } from "../installed.ts";
import { conduit, type Running, shop, shopFile } from "./apps.ts";
import { Traffic } from "./traffic.ts";

/** Of each app. */
const calls = Number(process.env["QUATER_SOAK_CONTRACT"] ?? 800) / 2;
const seed = Number(process.env["QUATER_CONTRACT_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

const folder = mkdtempSync(join(tmpdir(), "quater-prism-"));
let tools: string | undefined;
let reason = "";

beforeAll(async () => {
  vi.stubEnv("SHOP_DB", shopFile(folder));
  try {
    tools = await installed(fileURLToPath(new URL("prism", import.meta.url)));
  } catch (error) {
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw error;
    reason = `no Prism: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
    process.stderr.write(`Skipped, ${reason}\n`);
  }
}, 300_000);
afterAll(() => void vi.unstubAllEnvs());

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { readonly port: number };
  server.close();
  return port;
};

interface Proxy extends AsyncDisposable {
  readonly baseUrl: string;
}

/** @param bin  The folder with `prism` and its `node`. */
const proxied = async ({ target, text }: Running, bin: string): Promise<Proxy> => {
  const file = join(folder, "api.json");
  writeFileSync(file, text);
  const port = await freePort();
  const argv = ["proxy", file, target.baseUrl, "--errors", "--host", "127.0.0.1", "--port", String(port)];
  const env = { ...process.env, PATH: [bin, process.env["PATH"]].join(delimiter), NO_COLOR: "1" };
  const child: ChildProcess = spawn(join(bin, "prism"), argv, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  await new Promise<void>((resolve, reject) => {
    let said = "";
    const read = (part: Buffer) => {
      said += part;
      if (/Prism is listening/.test(said)) resolve();
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    void ended.then(([code]) => reject(new Error(`Prism ended with ${code}: ${said}`)));
  });
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
};

const apps: readonly (readonly [string, () => Promise<Running>])[] = [
  ["the shop", shop],
  ["Conduit", conduit],
];

test.for(apps)(
  "H16: Prism finds no violation of the OpenAPI document in the traffic of %s",
  { timeout: 60_000 + calls * 100 },
  async ([, boot], { skip }) => {
    if (tools === undefined) return skip(reason);
    await using app = await boot();
    await using proxy = await proxied(app, join(tools, "node_modules/.bin"));
    const traffic = new Traffic(app.target);
    const found: string[] = [];
    let answered = 0;
    for (const call of traffic.accepted(calls, seed)) {
      if (call.isAnonymous && call.operation.needsCredential) continue; // Prism itself refuses these
      const { status, headers, text } = await traffic.send(call, proxy.baseUrl);
      if (status < 300) answered++;
      const isOfPrism = headers.has("sl-violations") || /stoplight\.io\/prism/.test(text);
      if (isOfPrism)
        found.push(
          `seed ${seed}: ${call.init.method} ${call.target} ${call.init.body}: ${status} ${text} ${headers.get("sl-violations")}`,
        );
    }
    expect(found.slice(0, 5)).toEqual([]);
    expect(answered).toBeGreaterThan(calls / 4);
  },
);
