// The services, functions and paths that several commands `quater audit ...` use.

import { timeOf } from "../../../core/diagnostics/given-time.ts";
import type { Static } from "../../../core/index.ts";
import type { Catalog, CommandIo } from "../../../core/plugin-api.ts";
import type { OpenStore, Store } from "../../store/service.ts";
import type { RightParts } from "../erasing/right.ts";
import type { Eraser } from "../erasing/subject.ts";
import type { Trail } from "../log/trail.ts";
import type { Filter, ReadEvent } from "../verify/find.ts";
import type { showInput } from "./inputs.ts";
import { jsonLine, textLine } from "./show.ts";

export interface CommandParts extends RightParts {
  readonly store: Store;
  readonly trail: Trail;
  readonly keyFile: string;
  readonly fingerprint: string | undefined;
  readonly catalog: Catalog;
  /** The functions by which other plugins erase their own personal data. */
  readonly erasers: readonly Eraser[];
  /** Returns the keyed digest of the RFC 8785 text of a value. */
  readonly tagOf: (value: unknown) => string;
  /** The paths of the sink files to which Quater writes checkpoints. */
  readonly sinkFiles: readonly string[];
}

/** The exit code of a command that cannot read the trail. */
export const noTrail = 2;

/** Returns the store, or `undefined` if the store does not exist, because commands that only read must not create a store. */
export const storeOf = async ({ store }: CommandParts, io: CommandIo, inThread = false): Promise<OpenStore | undefined> => {
  if (await store.isMade()) return store.open({ inThread });
  io.say("The store has no trail yet. The first start of the server creates the trail.\n");
  return undefined;
};

export const filterOf = ({ since, ...rest }: Static<typeof showInput>): Filter => {
  const { handler, principal, surface, outcome, call } = rest;
  const given = { handler, principal, surface, outcome, call, since: since === undefined ? undefined : timeOf("since", since) };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Filter;
};

export const line = (event: ReadEvent, io: CommandIo): string => (io.isJson ? jsonLine(event) : textLine(event));
