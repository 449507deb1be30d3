// What plugins offer each other, by typed reference.

import type { ServiceRef, Services } from "./plugin.ts";

export const servicesOf = (): Services => {
  const offered = new Map<string, unknown>();
  return {
    get: <Service>(ref: ServiceRef<Service>) => {
      if (!offered.has(ref.name)) throw new Error(`No plugin provides ${ref.name}: name it in needs`);
      return offered.get(ref.name) as Service;
    },
    find: <Service>(ref: ServiceRef<Service>) => offered.get(ref.name) as Service | undefined,
    provide: (ref, service) => {
      offered.set(ref.name, service);
    },
  };
};
