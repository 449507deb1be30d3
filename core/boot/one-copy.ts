// Makes the manifest import the copy of Quater that already runs. tsx adds a mark to every URL that a manifest imports, also to
// URLs of packages. Because of this mark, Node would load and run Quater a second time at every start. The hook in one-copy.ts
// removes the mark from modules of the running package. Node runs the hook in the thread of the module loader or in the main
// thread.

interface Resolved {
  readonly url: string;
}

let home = "";

/**
 * Node calls `initialize` once in the thread of the module loader. @param data  The URL of the folder with the files of the
 * running package.
 */
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
