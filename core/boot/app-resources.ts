// Finds the resources with the scope "app". Opens the "app" resources that must be open before the server listens, and reports
// which "app" resources are not ready.

import { errorText } from "../diagnostics/error-text.ts";
import type { Log } from "../diagnostics/log.ts";
import type { Authenticator } from "../model/authenticator.ts";
import type { Catalog } from "../model/operation.ts";
import { namedPoliciesOf } from "../model/policy.ts";
import { type OpenResources, type Resource, resourcesIn } from "../model/resource.ts";

const answerMs = 2_000;
/**
 * How long Quater reuses a result of `isReady`, milliseconds. Anybody can request `/ready`, so not every request to `/ready` may
 * cause a query of the database.
 */
const freshMs = 1_000;

export interface AppResourcesOf {
  /** The resources with `opens: "start"`. Quater opens these resources before the server listens. */
  readonly atStart: readonly Resource<unknown>[];
  /** Returns the names of the resources that are not ready. */
  readonly unready: () => Promise<readonly string[]>;
}

/** Finds the app-scoped resources of handlers, their policies and the authenticators. */
export const appResourcesOf = (
  { operations }: Catalog,
  authenticators: readonly Authenticator[],
  app: OpenResources,
  log: Log,
): AppResourcesOf => {
  const found = resourcesIn([
    ...operations.flatMap(({ handler: { use, auth } }) => [use, ...namedPoliciesOf(auth).map((policy) => policy.use)]),
    ...authenticators.flatMap(({ uses = [] }) => uses),
  ]);
  const asked = found.filter(({ isReady }) => isReady !== undefined).map((one) => readinessOf(one, app, log));
  return {
    atStart: found.filter(({ opens }) => opens === "start"),
    unready: async () => (await Promise.all(asked.map((ask) => ask()))).flatMap((name) => name ?? []),
  };
};

/**
 * @returns A function that returns the name of the resource while the resource is not ready. Concurrent calls of the returned
 * function share one call of `isReady`.
 */
const readinessOf = (used: Resource<unknown>, app: OpenResources, log: Log): (() => Promise<string | undefined>) => {
  let asking: Promise<boolean> | undefined;
  let known: { readonly isReady: boolean; readonly at: number } | undefined;
  const ask = async (): Promise<boolean> => {
    try {
      const { value } = await app.open({ value: used });
      return (await used.isReady?.(value as never)) === true;
    } catch (error) {
      if (known?.isReady !== false) log.warn(`The resource ${used.name} is not ready for calls`, { error: errorText(error) });
      return false;
    }
  };
  return async () => {
    if (known === undefined || performance.now() - known.at >= freshMs) {
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      known = { isReady: await within(asking), at: performance.now() };
    }
    return known.isReady ? undefined : used.name;
  };
};

const within = async (answer: Promise<boolean>): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, answerMs, false);
    timer.unref();
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
};
