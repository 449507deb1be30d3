// Keyed digests that describe the call of a used approval. Sinks get them instead of names and arguments.

export interface LikeTags {
  readonly handler: string;
  /** The digest of the input schema, `sha256:...`. */
  readonly schema: string;
  /** The keyed digest of the requester's person. */
  readonly person: string;
  /** The keyed digest of person, handler and arguments. The digest is equal for calls that look the same to people. */
  readonly like: string;
}

/**
 * @returns The keyed digests in an event or sink line; `undefined` unless all digests are texts. Older versions of Quater wrote
 * no digests.
 */
export const tagsIn = (fields: object): LikeTags | undefined => {
  const { handler, schema, person, like } = fields as Partial<Record<keyof LikeTags, unknown>>;
  if (typeof handler !== "string" || typeof schema !== "string" || typeof person !== "string" || typeof like !== "string")
    return undefined;
  return { handler, schema, person, like };
};
