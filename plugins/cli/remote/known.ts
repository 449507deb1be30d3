// Stores the known remotes of a user and their tokens in one file that only the user can read. This code reads no file of a
// project.

import { lstatSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { readPrivateFile, replacePrivateFile } from "../../../core/boot/private-file.ts";
import { cut, nearest, visible } from "../../../core/diagnostics/text.ts";
import { isQuaterError } from "../../../core/index.ts";
import { isPrivateUrl } from "../../../core/model/loopback.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import { UsageError } from "../output/exit.ts";
import type { Env } from "../program/context.ts";
import { Distrusted } from "./distrust.ts";

export interface Remote {
  readonly name: string;
  /** The base URL of the remote, without a slash at the end: `https://shop.example`. */
  readonly url: string;
  /** The path of a file with certificates that the program trusts for this remote, in addition to the certificates of Node. */
  readonly ca?: string;
  readonly token?: string;
  /** The time at which the token expires, as ISO 8601 text. */
  readonly expiresAt?: string;
}

const nameForm = /^[a-z][a-z0-9-]{0,31}$/;
const tokenForm = /^[\x21-\x7e]{1,8192}$/;

/** Returns the name of a remote unchanged. @throws {UsageError} for a name that is not valid. */
export const checkName = (name: string): string => {
  if (nameForm.test(name)) return name;
  throw new UsageError(
    `${JSON.stringify(cut(name))} is not a name for a remote. Write at most 32 lower-case letters, digits and dashes, beginning with a letter`,
  );
};

/** Returns the fault of a token; `undefined` for a token that can be sent in an HTTP header. */
export const faultOfToken = (token: string): string | undefined =>
  tokenForm.test(token) ? undefined : "is empty, too long, or has spaces or characters that no token has";

/**
 * Returns the base URL of a remote.
 *
 * @throws {UsageError} for a URL that is not https, and for a URL with a user, a query or a fragment. The error message does not
 * repeat the URL, because the URL may contain a password.
 */
export const baseUrlOf = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || /\s/.test(text))
    throw new UsageError("The URL of the remote is not valid. Write it as https://shop.example");
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw new UsageError("The URL of the remote must not have a user, a password, a query or a fragment");
  if (!isPrivateUrl(url))
    throw new UsageError(
      `The URL of the remote must begin with https://, because a token must not be sent unencrypted. Only localhost, 127.0.0.1 and [::1] may use http://`,
    );
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
};

/** Returns the folder of the user's settings: `QUATER_HOME`, `XDG_CONFIG_HOME/quater`, or `~/.config/quater`. */
export const homeOf = (env: Env): string => {
  const own = env["QUATER_HOME"];
  if (own) {
    if (isAbsolute(own)) return own;
    throw new UsageError("The variable QUATER_HOME must contain an absolute path");
  }
  const config = env["XDG_CONFIG_HOME"];
  // By the XDG Base Directory Specification, programs ignore a relative path in XDG_CONFIG_HOME.
  if (config && isAbsolute(config)) return join(config, "quater");
  const home = env["HOME"] && isAbsolute(env["HOME"]) ? env["HOME"] : homedir();
  return join(home, ".config", "quater");
};

const fileIn = (env: Env): string => join(homeOf(env), "remotes.json");

/** Returns the known remotes by name. @throws {Distrusted} when other users can read or change the file of the remotes. */
export const knownRemotes = (env: Env): ReadonlyMap<string, Remote> => {
  const file = fileIn(env);
  checkFolder(homeOf(env));
  const text = trusted(() => readPrivateFile(file));
  if (text === undefined) return new Map();
  const broken = (why: string) =>
    new Distrusted(`${file} ${why}. Correct the file, or remove it and add the remotes again with quater remote add`);
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw broken("is not valid JSON");
  }
  if (!isPlainObject(read) || read["version"] !== 1 || !isPlainObject(read["remotes"]))
    throw broken("was not written by this version of quater");
  return new Map(
    Object.entries(read["remotes"]).map(([name, entry]) => {
      const remote = remoteIn(name, entry);
      if (remote === undefined) throw broken(`has a wrong entry for the remote ${JSON.stringify(cut(visible(name)))}`);
      return [name, remote];
    }),
  );
};

/**
 * Reads one remote from the file of remotes as strictly as `remote add` writes it, because a program may have changed the file.
 */
const remoteIn = (name: string, entry: unknown): Remote | undefined => {
  if (!nameForm.test(name) || !isPlainObject(entry)) return undefined;
  const { url, ca, token, expiresAt } = entry;
  if (typeof url !== "string" || !isBase(url)) return undefined;
  for (const text of [ca, token, expiresAt]) if (text !== undefined && typeof text !== "string") return undefined;
  if (token !== undefined && faultOfToken(String(token)) !== undefined) return undefined;
  return { name, url, ...definedOf({ ca, token, expiresAt }) };
};

const definedOf = (texts: Readonly<Record<string, unknown>>): Partial<Remote> =>
  Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined));

const isBase = (url: string): boolean => {
  try {
    return baseUrlOf(url) === url;
  } catch {
    return false;
  }
};

/** Returns the known remote with the given name. @throws {UsageError} for an unknown name. @throws {Distrusted} */
export const remoteNamed = (env: Env, name: string): Remote => {
  const known = knownRemotes(env);
  const found = known.get(name);
  if (found !== undefined) return found;
  const near = nearest(name, [...known.keys()]);
  const advice =
    near === undefined ? "quater remote list shows all remotes, quater remote add adds one" : `did you mean "${near}"?`;
  throw new UsageError(`There is no remote named ${JSON.stringify(cut(name))}; ${advice}`);
};

/** Returns the name of the variable that contains the token of one remote, such as `QUATER_REMOTE_TOKEN_PROD`. */
export const tokenVariableOf = (name: string): string => `QUATER_REMOTE_TOKEN_${name.replaceAll("-", "_").toUpperCase()}`;

/** Returns the token for a remote from its environment variable, or else the stored token. @throws {UsageError} */
export const tokenFor = (env: Env, { name, token, expiresAt }: Remote): string | undefined => {
  const variable = tokenVariableOf(name);
  const given = env[variable];
  if (given) {
    const fault = faultOfToken(given);
    if (fault !== undefined) throw new UsageError(`The token in ${variable} ${fault}`);
    return given;
  }
  if (token !== undefined && expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) return undefined;
  return token;
};

/** Stores a changed remote. Removes the remote if `remote` is undefined. @throws {Distrusted} */
export const change = (env: Env, name: string, remote: Remote | undefined): void => {
  const known = new Map(knownRemotes(env));
  if (remote === undefined) known.delete(name);
  else known.set(name, remote);
  const remotes = Object.fromEntries([...known.values()].map(({ name: at, ...entry }) => [at, entry]));
  trusted(() => {
    mkdirSync(homeOf(env), { recursive: true, mode: 0o700 });
    replacePrivateFile(fileIn(env), `${JSON.stringify({ version: 1, remotes }, null, 2)}\n`);
  });
};

/** @throws {Distrusted} when other users can look into the folder of the remotes. Quater checks no permissions on Windows. */
const checkFolder = (folder: string): void => {
  if (process.getuid === undefined) return;
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats !== undefined && (stats.mode & 0o077) !== 0 && !stats.isSymbolicLink())
    throw new Distrusted(`Other users can look into the folder ${folder}. Run chmod 700 ${folder}`);
};

const trusted = <Result>(use: () => Result): Result => {
  try {
    return use();
  } catch (error) {
    if (isQuaterError(error)) throw new Distrusted(`${error.message}${error.hint === undefined ? "" : `. ${error.hint}`}`);
    const { code, path } = Object(error) as { readonly code?: string; readonly path?: string };
    if (typeof code === "string") throw new Distrusted(`${path ?? "The file of the remotes"} cannot be used: ${code}`);
    throw error;
  }
};
