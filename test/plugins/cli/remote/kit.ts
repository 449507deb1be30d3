// Serves a project in this process for a user who has stored the server as the remote "here".

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig, type Manifest } from "quater";
import { cli } from "quater/cli";
import { http, httpRef } from "quater/http";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { change } from "../../../../plugins/cli/remote/known.ts";
import { quater, type Seen, type Typed } from "../kit.ts";

/** Creates a folder for the settings of one user. */
export const userHome = (): { readonly env: { readonly QUATER_HOME: string }; [Symbol.dispose](): void } => {
  const parent = mkdtempSync(join(tmpdir(), "quater-home-"));
  return {
    env: { QUATER_HOME: join(parent, "home") },
    [Symbol.dispose]: () => rmSync(parent, { recursive: true, force: true }),
  };
};

export interface Served extends AsyncDisposable {
  readonly app: TestApp;
  readonly url: string;
  readonly env: { readonly QUATER_HOME: string };
  /** Runs the `quater` program in a folder without a manifest. */
  readonly there: (words: readonly string[], typed?: Typed) => Promise<Seen>;
}

/** The callers of commands with `--remote`, by token. */
export const callers = tokens({
  remote: principal({ scopes: ["orders", "remote:run"] }),
  "without-right": principal({ scopes: ["orders"] }),
});

/** Returns the manifest with http() and with the server side of `--remote`. */
export const reachable = (manifest: Manifest): Manifest =>
  defineConfig({
    ...manifest,
    plugins: [
      ...manifest.plugins.filter(({ name }) => !["http", "cli"].includes(name)),
      http({ port: 0, authenticate: callers }),
      cli({ remote: { authenticate: callers } }),
    ],
  });

/** Serves a manifest. @param token  The token that the user has stored for the remote "here". */
export const serve = async (manifest: Manifest, root: string, token = "remote"): Promise<Served> => {
  const app = await bootTest(reachable(manifest) as never, { root });
  const url = app.services.find(httpRef)?.baseUrl;
  if (url === undefined) throw new Error("The manifest has no http()");
  const home = userHome();
  change(home.env, "here", { name: "here", url, token });
  const cwd = mkdtempSync(join(tmpdir(), "quater-nowhere-"));
  return {
    app: app as TestApp,
    url,
    env: home.env,
    there: (words, typed = {}) => quater(words, { cwd, ...typed, env: { ...home.env, ...typed.env } }),
    [Symbol.asyncDispose]: async () => {
      await app.stop();
      home[Symbol.dispose]();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
};
