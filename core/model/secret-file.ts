// Declares the files with secrets that authenticators and plugins read.

/** A file that holds keys or other secrets. `quater check --gate` checks who may read and change it. */
export interface SecretFile {
  /** The path of the file, absolute or relative to the manifest's folder. */
  readonly file: string;
  /**
   * Reads the file at this path and checks its content. Default: `readPrivateFile`, which checks only who can read and change the
   * file.
   *
   * @throws {QuaterError} when the content is wrong.
   */
  readonly read?: (path: string) => unknown;
}
