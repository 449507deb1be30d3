// Services that plugins offer to each other under typed references.

import { type Branded, brand } from "../diagnostics/brand.ts";

/** The typed name of a service that one plugin offers to other plugins. Quater compares service references by name. */
export interface ServiceRef<Service> extends Branded<"service"> {
  readonly name: string;
  readonly "~service"?: Service | undefined;
}

export const serviceRef = <Service>(name: string): ServiceRef<Service> => Object.freeze({ name, [brand]: "service" as const });

export interface Services {
  /** Returns a service that the plugin lists in `needs`. @throws {Error} when no plugin provides the service. */
  get<Service>(ref: ServiceRef<Service>): Service;
  /** Returns a service that the plugin lists in `wants`, or `undefined` when no plugin provides the service. */
  find<Service>(ref: ServiceRef<Service>): Service | undefined;
  provide<Service>(ref: ServiceRef<Service>, service: NoInfer<Service>): void;
}

export const servicesOf = (): Services => {
  const offered = new Map<string, unknown>();
  return {
    get: <Service>(ref: ServiceRef<Service>) => {
      if (!offered.has(ref.name))
        throw new Error(
          `The service ${ref.name} is not available to this plugin. Add the reference of this service to needs of the plugin`,
        );
      return offered.get(ref.name) as Service;
    },
    find: <Service>(ref: ServiceRef<Service>) => offered.get(ref.name) as Service | undefined,
    provide: (ref, service) => {
      offered.set(ref.name, service);
    },
  };
};
