// Checks whether a caller may erase data. Nobody can undo an erasure, so the caller needs a scope for erasing, which no caller
// has by default.

import { QuaterError } from "../../../core/index.ts";
import type { CommandIo, Gate } from "../../../core/plugin-api.ts";
import type { EventFields } from "../log/event.ts";
import { type Who, whoOf } from "../log/event.ts";

export const eraseScope = "audit:erase";

export interface RightParts {
  readonly gate: Pick<Gate, "enter" | "newCallId">;
  /** The names of the configured plugins. */
  readonly plugins: readonly string[];
  /** Records a refused attempt to erase data on the trail. */
  readonly refused: (fields: Omit<EventFields, "type" | "outcome">) => void;
}

/**
 * Returns the principal who runs `quater audit erase`.
 *
 * @throws {QuaterError} `missing_scope`, `forbidden` for agents, or the error of the authenticator.
 */
export const eraserFor = async ({ gate, plugins, refused }: RightParts, io: CommandIo): Promise<Who> => {
  const { surface } = io.credentials;
  if (!plugins.includes(surface)) throw noSurface(surface);
  const callId = gate.newCallId();
  const principal = await gate.enter({ surface, credentials: io.credentials, callId });
  const isAgent = principal.kind === "agent";
  const refusal = isAgent ? agentRefused() : principal.scopes.includes(eraseScope) ? undefined : scopeMissing(surface);
  if (refusal === undefined) return whoOf(principal);
  refused({ callId, surface, principal: whoOf(principal), errorCode: refusal.code, detail: { command: "audit erase" } });
  throw refusal;
};

const noSurface = (surface: string): QuaterError =>
  new QuaterError({
    code: "forbidden",
    kind: "forbidden",
    message: `Erasing needs an authenticated caller, but ${surface}() is not configured`,
    hint: `Add ${surface}({ authenticate: apiKeys() }) to plugins and create a key with the scope ${eraseScope}`,
  });

const scopeMissing = (surface: string): QuaterError =>
  new QuaterError({
    code: "missing_scope",
    kind: "forbidden",
    message: `Erasing needs the scope ${eraseScope}, which your credential does not have. Create a key with this scope: \`quater keys create --name NAME --kind user --person NAME --scopes ${eraseScope}\`, or add the scope to ${surface}({ authenticate: localUser({ scopes: ["${eraseScope}"] }) })`,
    details: { scopes: [eraseScope] },
  });

const agentRefused = (): QuaterError =>
  new QuaterError({
    code: "forbidden",
    kind: "forbidden",
    message: "An agent may not erase data. A person must run this command",
  });
