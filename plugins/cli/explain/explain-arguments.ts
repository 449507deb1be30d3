// Splits the words after `quater explain` into the action, the flags of `quater explain` and the flags of the action.

import { cut } from "../../../core/diagnostics/text.ts";
import type { Principal } from "../../../core/index.ts";
import { type Token, tokenize } from "../actions/tokens.ts";
import { UsageError } from "../output/exit.ts";

const once = ["as", "surface", "input", "approval", "kind", "person"] as const;
const repeated = ["scope", "role"] as const;
/** The flags of `quater explain`. A user can give an input of the same name only with `--input`. */
export const explainFlags: ReadonlySet<string> = new Set(["json", "no-json", "help", "config", ...once, ...repeated]);

type Values = Partial<Record<(typeof once)[number], string>> & Record<(typeof repeated)[number], string[]>;

export interface ExplainArguments {
  readonly action: string | undefined;
  readonly surface: string | undefined;
  readonly input: string | undefined;
  readonly approval: string | undefined;
  /** The name or id of the API key for which the call is explained. */
  readonly as: string | undefined;
  /** The principal that the flags `--scope`, `--role`, `--kind` and `--person` describe. */
  readonly described: Principal | undefined;
  /** The typed flags of the action. Binding converts their values later. */
  readonly tokens: readonly Token[];
}

/** Reads the words after `quater explain`. @throws {UsageError} for a wrong command line. */
export const readExplainArguments = (words: readonly string[]): ExplainArguments => {
  const values: Values = { scope: [], role: [] };
  let action: string | undefined;
  const rest: Token[] = [];
  const tokens = tokenize(words);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    if ("word" in token && action === undefined) action = token.word;
    else if ("word" in token || !explainFlags.has(token.flag)) rest.push(token);
    else {
      const next = tokens[at + 1];
      const value = token.joined ?? (next !== undefined && "word" in next ? next.word : "");
      if (value === "") throw new UsageError(`--${token.flag} needs a value: quater explain <action> --${token.flag} <value>`);
      if (token.joined === undefined) at++;
      keep(values, token.flag, value);
    }
  }
  const { as, surface, input, approval } = values;
  const described = describedBy(values);
  if (as !== undefined && described !== undefined)
    throw new UsageError("--as names a key, so it cannot be used together with --scope, --role, --kind and --person");
  return { action, surface, input, approval, as, described, tokens: rest };
};

const keep = (values: Values, flag: string, value: string): void => {
  const many = repeated.find((name) => name === flag);
  if (many !== undefined) {
    values[many].push(value);
    return;
  }
  const name = once.find((each) => each === flag);
  if (name === undefined) return;
  if (values[name] !== undefined) throw new UsageError(`--${flag} is given more than once`);
  values[name] = value;
};

export const callerKinds: readonly Principal["kind"][] = ["user", "service", "agent", "operator"];

const describedBy = ({ scope, role, kind, person }: Values): Principal | undefined => {
  if (scope.length + role.length === 0 && kind === undefined && person === undefined) return undefined;
  const chosen = callerKinds.find((each) => each === (kind ?? "user"));
  if (chosen === undefined)
    throw new UsageError(`--kind ${cut(kind ?? "")} is not known. Write one of ${callerKinds.join(", ")}`);
  return {
    issuer: "described",
    subject: person ?? "described",
    kind: chosen,
    ...(person === undefined ? {} : { person }),
    credential: "described",
    scopes: scope,
    roles: role,
    claims: {},
  };
};
