// Files with secrets, as authenticators and plugins declare them.

/** A file that holds keys or other secrets. `quater check --gate` checks who may read and change it. */
export interface SecretFile {
  /** Absolute, or under the manifest's folder. */
  readonly file: string;
  /**
   * Reads the file at this path and checks its content. Default: `readPrivateFile`, which checks only who may read and change
   * the file.
   *
   * @throws {QuaterError} when the file is not as it has to be.
   */
  readonly read?: (path: string) => unknown;
}
