// Marks objects that pass between the kernel, plugins and handlers with a global symbol. A loader may evaluate Quater a second
// time for the manifest. Two copies of Quater have different classes and different module variables, so `instanceof` and
// registries in modules fail. A global symbol is the same for both copies of Quater.

export const brand: unique symbol = Symbol.for("quater.brand");

export interface Branded<Kind extends string> {
  readonly [brand]: Kind;
}

export const isBranded = <Kind extends string>(value: unknown, kind: Kind): value is Branded<Kind> =>
  value !== null && typeof value === "object" && (value as Record<symbol, unknown>)[brand] === kind;
