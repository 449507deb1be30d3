// The trail's keys in a running process. The key file is read when a key is first needed, and again when the file changes. So new
// keys can be distributed and activated while several instances serve.

import { statSync } from "node:fs";
import { errorText, type Log } from "../../../core/plugin-api.ts";
import { openKeys, readTrailFile, recordTrail, type TrailKeys } from "./keys.ts";

export class KeyRing {
  readonly file: string;
  readonly #log: Pick<Log, "warn"> | undefined;
  #keys: TrailKeys | undefined;
  /** Device, inode, size and modification time of the file that was read. */
  #version = "";
  #warned = "";

  constructor(file: string, log?: Pick<Log, "warn">) {
    this.file = file;
    this.#log = log;
  }

  /** Returns the keys, and creates the file if it is missing. @throws {QuaterError} for a malformed or unsafe file. */
  get current(): TrailKeys {
    if (this.#keys === undefined) {
      const keys = openKeys(this.file);
      this.#version = versionOf(this.file);
      this.#keys = keys;
    }
    return this.#keys;
  }

  /** The hash of the genesis of the trail that these keys began; `undefined` before the trail has begun. */
  get trail(): string | undefined {
    this.#keys ??= this.current; // Reading `current` creates the file.
    return readTrailFile(this.file).trail;
  }

  /** Records in the file that these keys have begun a trail. If the file cannot be written, it stays unchanged. */
  begun(genesis: string): void {
    try {
      if (this.trail !== undefined) return;
      recordTrail(this.file, genesis);
    } catch (error) {
      this.#log?.warn(
        "Quater could not write to the key file that the trail has started, so Quater will not notice if the store is lost later",
        {
          error: errorText(error),
        },
      );
    }
  }

  /** Reads the key file again if the file changed. If the file cannot be read now, the loaded keys stay in use. */
  reload(): void {
    if (this.#keys === undefined) return;
    const version = versionOf(this.file);
    if (version === this.#version || version === this.#warned) return;
    try {
      this.#keys = readTrailFile(this.file).keys;
      this.#version = version;
      this.#warned = "";
    } catch (error) {
      this.#warned = version;
      this.#log?.warn(
        "The key file of the trail has changed and cannot be read. Quater continues with the keys that it read before",
        {
          error: errorText(error),
        },
      );
    }
  }
}

const versionOf = (file: string): string => {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? "none" : [found.dev, found.ino, found.size, found.mtimeMs].join(" ");
};
