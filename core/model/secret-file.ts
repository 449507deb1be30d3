// The type with which authenticators and plugins declare the files with secrets that they read.

/** A file that contains keys or other secrets. `quater check --gate` checks who may read and change the file. */
export interface SecretFile {
  /** The path of the file. The path is absolute, or relative to the manifest's folder. */
  readonly file: string;
  /**
   * Reads the secret file at this path and checks the content of the file. Default: `readPrivateFile`, which checks only who can
   * read and change the file.
   *
   * @throws {QuaterError} when the content of the file is wrong.
   */
  readonly read?: (path: string) => unknown;
}
