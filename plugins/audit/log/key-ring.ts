// The trail's keys in a running process. The process reads the key file when the process first needs a key, and again when the
// key file changes. So operators can distribute and activate new keys while several instances serve.

import { statSync } from "node:fs";
import { errorText, type Log } from "../../../core/plugin-api.ts";
import { openKeys, readTrailFile, recordTrail, type TrailKeys } from "./keys.ts";

export class KeyRing {
  readonly file: string;
  readonly #log: Pick<Log, "warn"> | undefined;
  #keys: TrailKeys | undefined;
  /** Device, inode, size and modification time of the key file when this process read the key file. */
  #version = "";
  #warned = "";

  constructor(file: string, log?: Pick<Log, "warn">) {
    this.file = file;
    this.#log = log;
  }

  /**
   * Returns the keys of the trail, and creates the key file if the key file is missing.
   *
   * @throws {QuaterError} for a malformed or unsafe key file.
   */
  get current(): TrailKeys {
    if (this.#keys === undefined) {
      const keys = openKeys(this.file);
      this.#version = versionOf(this.file);
      this.#keys = keys;
    }
    return this.#keys;
  }

  /** The hash of the genesis of the trail that was begun with these keys; `undefined` before the trail has begun. */
  get trail(): string | undefined {
    this.#keys ??= this.current; // Reading `current` creates the file.
    return readTrailFile(this.file).trail;
  }

  /**
   * Records in the key file that a trail was begun with these keys. If this process cannot write the key file, the key file stays
   * unchanged.
   */
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

  /**
   * Reads the key file again if the key file has changed. If this process cannot read the key file, this process continues to use
   * the loaded keys.
   */
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
