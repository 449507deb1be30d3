// Publishes the schemas of handlers for OpenAPI. Named and recursive schemas become components. Quater writes every other schema
// at the place where a handler uses the schema.

import { contentBytesMark, contentMark } from "../../../core/schema/content.ts";
import { fileRulesOf } from "../../../core/schema/file.ts";
import { isPlainObject, type JsonSchema, propertiesOf, referred, withSubschemas } from "../../../core/schema/schema.ts";
import { componentName, givenName, ofFirstPlace, ofPlace } from "./names.ts";

/**
 * Whether a schema describes an input or an output. Quater closes the schemas of inputs and outputs differently, so one schema
 * may have two forms.
 */
export type Direction = "input" | "output";

export const reference = (name: string): { readonly $ref: string } => ({ $ref: `#/components/schemas/${name}` });

interface Component {
  readonly source: JsonSchema;
  /** The JSON text of a component without a name. Two schemas with the same JSON text become one component. */
  readonly text: string | undefined;
  shown: JsonSchema;
}

interface Root {
  readonly schema: JsonSchema;
  readonly direction: Direction;
  /** The name of the operation, which is a part of the names of components without a name: `createTree`. */
  readonly owner: string;
}

/**
 * Matches a provisional reference. Quater writes a provisional reference before Quater knows whether the two forms of a component
 * are equal.
 */
const provisional = /^#\/components\/schemas\/(input|output):(.+)$/;

const dropped = new Set(["$id", "$schema", "$defs", "definitions", contentMark, contentBytesMark]);

export class Components {
  readonly #forms = { input: new Map<string, Component>(), output: new Map<string, Component>() };

  /**
   * Returns the schema to publish. The references in the published schema are provisional until `settle` replaces them.
   *
   * @param owner  The name of the operation.
   * @param root  The schema in which Quater looks up each `$ref` of a part of the schema.
   */
  publish(schema: JsonSchema, direction: Direction, owner: string, root: JsonSchema = schema): JsonSchema {
    return this.#shown(schema, { schema: root, direction, owner });
  }

  /**
   * Replaces the provisional references in a value by references with the final names. @returns The value, and all components by
   * name.
   */
  settle<Value>(value: Value): { readonly value: Value; readonly schemas: Readonly<Record<string, JsonSchema>> } {
    const names = this.#finalNames();
    const final = (direction: Direction, name: string) => names[direction].get(name) ?? name;
    const renamed = <Part>(part: Part): Part =>
      mapRefs(part, (ref) => {
        const [, direction, name = ""] = provisional.exec(ref) ?? [];
        return direction === undefined ? ref : reference(final(direction as Direction, name)).$ref;
      });
    const schemas: Record<string, JsonSchema> = {};
    for (const direction of ["input", "output"] as const)
      for (const [name, { shown }] of this.#forms[direction]) schemas[final(direction, name)] = renamed(shown);
    return { value: renamed(value), schemas };
  }

  /** Returns the final names of the components: `AuthorInput` beside `Author` if the two forms of the component differ. */
  #finalNames(): Readonly<Record<Direction, ReadonlyMap<string, string>>> {
    const { input, output } = this.#forms;
    const apart = new Set<string>();
    const textOf = (component: Component) =>
      JSON.stringify(
        mapRefs(component.shown, (ref) => ref.replace(provisional, (_, __, name: string) => (apart.has(name) ? ref : name))),
      );
    for (let before = -1; before < apart.size; ) {
      before = apart.size;
      for (const [name, component] of input) {
        const other = output.get(name);
        if (other !== undefined && !apart.has(name) && textOf(component) !== textOf(other)) apart.add(name);
      }
    }
    const taken = new Set([...input.keys(), ...output.keys()]);
    const inputNames = new Map<string, string>();
    for (const name of apart) {
      let other = `${name}Input`;
      while (taken.has(other)) other += "Input";
      taken.add(other);
      inputNames.set(name, other);
    }
    return { input: inputNames, output: new Map() };
  }

  #shown(schema: JsonSchema, root: Root): JsonSchema {
    if (fileRulesOf(schema) !== undefined) {
      const { description } = schema;
      return { type: "string", format: "binary", ...(description === undefined ? {} : { description }) };
    }
    const ref = schema["$ref"];
    if (typeof ref === "string") {
      const target = referred(root.schema, ref);
      // The schema `true` or `false` has no parts, so the schema cannot refer to itself.
      if (!isPlainObject(target)) return target === false ? { not: {} } : {};
      const name = givenName(target);
      if (name !== undefined) return this.#placed(name, target, schema, root);
      const text = JSON.stringify(ref.startsWith("#/$defs/") ? [target, root.schema["$defs"]] : [ref, root.schema]);
      return this.#placed(this.#localName(ref, text, root), target, schema, root, text);
    }
    const name = givenName(schema);
    return name === undefined ? this.#inline(schema, root) : this.#placed(name, schema, schema, root);
  }

  /**
   * Returns the name of a part that only a `$ref` names. The name is the last word of the `$ref`. If another component has the
   * same name, the name of the operation comes before this last word.
   */
  #localName(ref: string, text: string, { owner, direction }: Root): string {
    const last = componentName(ref);
    const whole = `${capital(owner)}${last === "" ? capital(direction) : capital(last)}`;
    for (let number = 0; ; number++) {
      const name = number === 0 && last !== "" ? last : `${whole}${number > 1 ? number : ""}`;
      const known = this.#forms[direction].get(name);
      if (known === undefined || known.text === text) return name;
    }
  }

  /** Returns a reference to a component, with the annotations that belong to the place where a handler uses the schema. */
  #placed(name: string, source: JsonSchema, site: JsonSchema, root: Root, text?: string): JsonSchema {
    const known = this.#forms[root.direction];
    let component = known.get(name);
    if (component === undefined) {
      component = { source, text, shown: {} };
      known.set(name, component); // Register the component before its parts, because the parts may refer to the component.
      const shown = { ...this.#inline(source, root) };
      for (const key of ofPlace) delete shown[key];
      component.shown = shown;
    }
    const { source: first } = component;
    const own = [
      ...ofPlace.filter((key) => key in site),
      ...ofFirstPlace.filter((key) => key in site && JSON.stringify(site[key]) !== JSON.stringify(first[key])),
    ];
    return { $ref: `#/components/schemas/${root.direction}:${name}`, ...Object.fromEntries(own.map((key) => [key, site[key]])) };
  }

  #inline(schema: JsonSchema, root: Root): Record<string, unknown> {
    const copy = withSubschemas(schema, (part) => this.#shown(part, root));
    const shown = Object.fromEntries(Object.entries(copy).filter(([key]) => !dropped.has(key)));
    const type = shown["type"] ?? typeOfValues(shown);
    if (root.direction === "input" && Array.isArray(shown["required"]))
      shown["required"] = withoutDefaults(schema, shown["required"]);
    if (Array.isArray(shown["required"]) && shown["required"].length === 0) delete shown["required"];
    return type === undefined ? shown : { type, ...shown };
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Returns the required fields that have no default, because binding fills in defaults, also in nested objects. */
const withoutDefaults = (schema: JsonSchema, required: readonly unknown[]): readonly unknown[] => {
  const properties = propertiesOf(schema);
  return required.filter((name) => !("default" in (properties[String(name)] ?? {})));
};

/** Returns the JSON type of the values of an enum or a constant, because client generators need the type. */
const typeOfValues = (schema: JsonSchema): string | readonly string[] | undefined => {
  const values = Array.isArray(schema["enum"]) ? (schema["enum"] as unknown[]) : "const" in schema ? [schema["const"]] : [];
  const types = [...new Set(values.map(jsonType))];
  return types.length > 1 ? types : types[0];
};

const jsonType = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "number" && Number.isInteger(value) ? "integer" : typeof value;
};

/** Returns a copy of a value in which `change` has changed every `$ref`. */
const mapRefs = <Value>(value: Value, change: (ref: string) => string): Value => {
  const mapped = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(mapped);
    if (!isPlainObject(part)) return part;
    return Object.fromEntries(
      Object.entries(part).map(([key, item]) => [key, key === "$ref" && typeof item === "string" ? change(item) : mapped(item)]),
    );
  };
  return mapped(value) as Value;
};
