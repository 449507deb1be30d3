// The call that an approval was used for, as keyed tags. Sinks get these tags instead of names and arguments.

export interface LikeTags {
  readonly handler: string;
  /** `sha256:...` over the input schema. */
  readonly schema: string;
  /** Keyed tag of the person who asked. */
  readonly person: string;
  /** Keyed tag of person, handler and arguments: equal for calls that look the same to people. */
  readonly like: string;
}

/** @returns `undefined` unless all four are texts: lines and events of older versions have none. */
export const tagsIn = (fields: object): LikeTags | undefined => {
  const { handler, schema, person, like } = fields as Partial<Record<keyof LikeTags, unknown>>;
  if (typeof handler !== "string" || typeof schema !== "string" || typeof person !== "string" || typeof like !== "string")
    return undefined;
  return { handler, schema, person, like };
};
