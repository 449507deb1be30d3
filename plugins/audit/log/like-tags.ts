// Keyed digests that describe the call of a used approval. Lines in sinks contain these digests instead of names and arguments.

export interface LikeTags {
  readonly handler: string;
  /** The digest of the input schema of the handler, `sha256:...`. */
  readonly schema: string;
  /** The keyed digest of the person who made the approval request. */
  readonly person: string;
  /**
   * The keyed digest of the person, the handler and the arguments of the call. This digest is equal for calls that look alike to
   * people.
   */
  readonly like: string;
}

/**
 * @returns The keyed digests in an event or a sink line; `undefined` unless all digests are texts. Older versions of Quater wrote
 * no digests.
 */
export const tagsIn = (fields: object): LikeTags | undefined => {
  const { handler, schema, person, like } = fields as Partial<Record<keyof LikeTags, unknown>>;
  if (typeof handler !== "string" || typeof schema !== "string" || typeof person !== "string" || typeof like !== "string")
    return undefined;
  return { handler, schema, person, like };
};
