// The commands `quater remote ...`, which add, list and remove remotes and store their tokens. The commands read no manifest and
// no `.env`, and never print a token.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { readPrivateFile } from "../../../core/boot/private-file.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import { isQuaterError } from "../../../core/index.ts";
import { openInput } from "../actions/input.ts";
import { exit, UsageError } from "../output/exit.ts";
import { askSecret } from "../output/prompt.ts";
import { resultText } from "../output/render.ts";
import { reportCall } from "../output/report-call.ts";
import type { Context } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";
import { programWords } from "../program/program-words.ts";
import { strangeAnswer } from "../remote/distrust.ts";
import {
  baseUrlOf,
  change,
  checkName,
  faultOfToken,
  knownRemotes,
  type Remote,
  remoteNamed,
  tokenFor,
  tokenVariableOf,
} from "../remote/known.ts";
import { listed } from "../remote/listing.ts";

/** A command with the flags that name the source of a token. */
abstract class TokenCommand extends ProgramCommand {
  tokenFile = Option.String("--token-file", {
    description: 'Read the token from this file, readable only by you; "-" reads standard input',
  });
  tokenEnv = Option.String("--token-env", { description: "Read the token from this environment variable" });
  token = Option.String("--token", { hidden: true });

  /** @returns The token, or undefined if no flag names the source of a token. @throws {UsageError} */
  protected async givenToken(program: Context): Promise<string | undefined> {
    const { tokenFile, tokenEnv, token } = this;
    if (token !== undefined)
      throw new UsageError(
        "A token must not be in the command line, because other processes can read the command line. Leave --token out and type the token when quater asks, or use --token-file or --token-env",
        "secret_in_arguments",
      );
    if (tokenFile !== undefined && tokenEnv !== undefined)
      throw new UsageError("--token-file and --token-env cannot be used together. Remove one of these two flags");
    if (tokenFile !== undefined) return checked(`The file after --token-file`, await fromFile(program, tokenFile));
    if (tokenEnv === undefined) return undefined;
    const value = program.env[tokenEnv];
    if (!value) throw new UsageError(`--token-env ${visible(tokenEnv)}: this environment variable is not set`);
    return checked(`The variable after --token-env`, value);
  }
}

const fromFile = async (program: Context, name: string): Promise<string> => {
  if (name === "-") return (await openInput(program, "-")()).toString("utf8").trim();
  try {
    const text = readPrivateFile(resolve(program.cwd, name));
    if (text !== undefined) return text.trim();
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    throw new UsageError(`--token-file: ${error.message}${error.hint === undefined ? "" : `. ${error.hint}`}`);
  }
  throw new UsageError(`--token-file ${visible(name)}: the file does not exist`);
};

const checked = (what: string, token: string): string => {
  const fault = faultOfToken(token);
  if (fault !== undefined) throw new UsageError(`${what} does not contain a token: the text ${fault}`);
  return token;
};

class Add extends TokenCommand {
  static override paths = [["remote", "add"]];
  static override usage = usage({
    description: "Adds a server for --remote.",
    details:
      "Asks the server for its list of actions, and stores the remote only if the server answers. The URL must begin with https://, except for this computer.",
    examples: [
      ["Add a server, then type its token", "quater remote add prod https://shop.example"],
      ["Add a server with a private certificate authority", "quater remote add prod https://shop.internal --ca company-ca.pem"],
      ["Read the token from a file", "quater remote add prod https://shop.example --token-file prod.key"],
    ],
  });

  name = Option.String();
  url = Option.String();
  ca = Option.String("--ca", { description: "A file with certificates of a private certificate authority, in PEM format" });

  async perform(program: Context): Promise<number> {
    const name = checkName(this.name);
    const token = await this.givenToken(program);
    const ca = this.ca === undefined ? undefined : certificateFile(program, this.ca);
    if (knownRemotes(program.env).has(name))
      throw new UsageError(`There is a remote named ${name} already. To replace it, first run quater remote remove ${name}`);
    const remote: Remote = {
      name,
      url: baseUrlOf(this.url),
      ...(ca === undefined ? {} : { ca }),
      ...(token === undefined ? {} : { token }),
    };
    const code = await verified(program, remote);
    if (code !== undefined) return code;
    change(program.env, name, remote);
    const isLoggedIn = tokenFor(program.env, remote) !== undefined;
    return told(program, { remote: name, url: remote.url, isLoggedIn }, [
      `Added the remote ${name}, ${remote.url}.`,
      isLoggedIn
        ? `To list its actions, run ${programWords(program)} actions --remote ${name}`
        : `To log in, run ${programWords(program)} remote login ${name}`,
    ]);
  }
}

class Login extends TokenCommand {
  static override paths = [["remote", "login"]];
  static override usage = usage({
    description: "Stores a token for a remote.",
    details:
      "Asks for the token, unless a flag names its source. If the server names an authorization server, the command shows a code to confirm in a browser instead. The token is checked with the server before it is stored.",
    examples: [
      ["Type the token, which is not shown", "quater remote login prod"],
      ["Read the token from standard input", "quater remote login prod --token-file -"],
      ["Read the token from a variable", "quater remote login prod --token-env PROD_TOKEN"],
    ],
  });

  name = Option.String();

  async perform(program: Context): Promise<number> {
    const remote = remoteNamed(program.env, this.name);
    const given = await this.givenToken(program);
    const { token: _, expiresAt: __, ...bare } = remote;
    const found = given === undefined ? await obtained(program, bare) : { token: given };
    if (typeof found === "number") return found;
    const changed: Remote = { ...bare, ...found };
    const code = await verified(program, changed);
    if (code !== undefined) return code;
    change(program.env, remote.name, changed);
    return told(program, { remote: remote.name, url: remote.url, isLoggedIn: true }, [
      `Logged in to the remote ${remote.name}.`,
      `To list its actions, run ${programWords(program)} actions --remote ${remote.name}`,
    ]);
  }
}

/** Gets a token by the device login of the remote, or reads a typed token. @returns An exit code if the remote refused. */
const obtained = async (program: Context, remote: Remote): Promise<Pick<Remote, "token" | "expiresAt"> | number> => {
  const listing = await listed(program.env, remote, undefined);
  if ("error" in listing && listing.login !== undefined) {
    const { tokenByDevice } = await import("../remote/device.ts");
    return tokenByDevice(program, remote, listing.login);
  }
  const typed = await askSecret(program.terminal, `Token for ${remote.name}`);
  if (typed === undefined)
    throw new UsageError(
      "The command cannot ask for a token, because there is no terminal or nothing was typed. Use --token-file FILE, --token-file - or --token-env NAME",
    );
  return { token: checked("The typed text", typed.trim()) };
};

/**
 * Requests the list of actions from a remote. Without a token, the remote refuses the request, but the refusal shows that the
 * remote uses the protocol.
 *
 * @returns The exit code if the remote refused; undefined otherwise. @throws {Distrusted | QuaterError}
 */
const verified = async (program: Context, remote: Remote): Promise<number | undefined> => {
  const listing = await listed(program.env, remote);
  if (!("error" in listing)) return undefined;
  const { error, callId } = listing;
  if (error.kind === "unauthenticated" && tokenFor(program.env, remote) === undefined) return undefined;
  // A valid token may have the right to read the trail, but not the right to run actions.
  if (error.code === "missing_scope") return undefined;
  if (error.kind === "invalid_input") throw strangeAnswer(remote.name, `refused the question for its actions: ${error.message}`);
  return reportCall({ error, callId, flags: [] }, program.terminal, program.isJson);
};

const certificateFile = ({ cwd }: Context, name: string): string => {
  const file = resolve(cwd, name);
  if (!existsSync(file)) throw new UsageError(`--ca ${visible(name)}: the file does not exist`);
  if (!readFileSync(file, "utf8").includes("-----BEGIN CERTIFICATE-----"))
    throw new UsageError(`--ca ${visible(name)}: the file has no certificate in PEM format`);
  return file;
};

const told = async (program: Context, result: object, lines: readonly string[]): Promise<number> => {
  if (program.isJson) await program.terminal.write(resultText(result, program));
  else program.terminal.say(`${lines.join("\n")}\n`);
  return exit.ok;
};

class List extends ProgramCommand {
  static override paths = [["remote"], ["remote", "list"]];
  static override usage = usage({
    description: "Lists the remotes, without their tokens.",
    examples: [["List the remotes", "quater remote list"]],
  });

  async perform(program: Context): Promise<number> {
    const rows = [...knownRemotes(program.env).values()].map((remote) => ({
      name: remote.name,
      url: remote.url,
      isLoggedIn: tokenFor(program.env, remote) !== undefined,
      ...(remote.expiresAt === undefined ? {} : { expiresAt: remote.expiresAt }),
      ...(remote.ca === undefined ? {} : { ca: remote.ca }),
    }));
    const none = "No remote is known. To add one, run quater remote add <name> <url>\n";
    await program.terminal.write(rows.length === 0 && !program.isJson ? none : resultText(rows, program));
    return exit.ok;
  }
}

class Remove extends ProgramCommand {
  static override paths = [["remote", "remove"]];
  static override usage = usage({
    description: "Removes a remote and its stored token.",
    details: "The token stays valid on the server. To end it there, run quater keys revoke on the server.",
    examples: [["Remove a remote", "quater remote remove prod"]],
  });

  name = Option.String();

  async perform(program: Context): Promise<number> {
    const { name, url } = remoteNamed(program.env, this.name);
    change(program.env, name, undefined);
    const hasVariable = program.env[tokenVariableOf(name)] !== undefined;
    return told(program, { removed: name, url }, [
      `Removed the remote ${name}.`,
      ...(hasVariable ? [`The variable ${tokenVariableOf(name)} still contains a token.`] : []),
    ]);
  }
}

export const commands = [Add, Login, List, Remove];
