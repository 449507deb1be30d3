// The mark on everything that crosses between the kernel, plugins and handlers. The manifest may be loaded by a loader
// that evaluates packages a second time, so `instanceof` and module-level registries would see two worlds; a mark under
// a global symbol is the same in both.

export const brand: unique symbol = Symbol.for("quater.brand") as never;

export interface Branded<Kind extends string> {
  readonly [brand]: Kind;
}

export const isBranded = <Kind extends string>(value: unknown, kind: Kind): value is Branded<Kind> =>
  value !== null && typeof value === "object" && (value as Record<symbol, unknown>)[brand] === kind;
