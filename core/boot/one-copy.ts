// One copy of Quater in a process. tsx marks every address that a manifest imports, packages included, so that Quater
// would be read and run a second time at every start. This hook of Node's loader removes the mark from modules of the
// package that already runs. Node loads this file in the loader's thread, or calls it in the main one.

interface Resolved {
  readonly url: string;
}

let home = "";

/** Called by Node in the loader's thread. @param data  The address under which the running package's files are. */
export const initialize = (data: string): void => {
  home = data;
};

export const resolve = async <Result extends Resolved>(
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => Promise<Result> | Result,
): Promise<Result> => unmarked(await next(specifier, context), home);

export const unmarked = <Result extends Resolved>(found: Result, home: string): Result =>
  found.url.startsWith(home) ? { ...found, url: found.url.replace(/\?.*$/, "") } : found;
