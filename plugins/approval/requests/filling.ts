// Fills in the columns person_key and like_key in rows of an older version of Quater. The older version had no such columns, or
// folded arguments by another rule. Only a process with the key file can compute these columns, so the migration of the tables
// leaves the columns empty.

import type { ApprovalContext } from "./approval-context.ts";
import { digestOf } from "./digest.ts";
import { likeForm, likenessKeys } from "./likeness.ts";
import { database, type StoredRequest, unknownPerson } from "./tables.ts";

/** Fills in the missing keys of approval requests. @returns Whether all approval requests now have keys. */
export const fillKeys = async (context: ApprovalContext): Promise<boolean> => {
  const found = await context.parts.reader.withoutKeys();
  if (found.length === 0) return true;
  const open = await context.open();
  await open.apply(
    found.map((one) =>
      database(open)
        .updateTable("approval_request")
        .set((eb) => {
          const { person, like } = keysOf(context, one);
          // Do not replace an existing person_key, even if Quater cannot compute the person_key again.
          return { person_key: person ?? eb.fn.coalesce("person_key", eb.val(unknownPerson)), like_key: like ?? null };
        })
        .where("id", "=", one.record.id)
        .where(({ eb, or }) => or([eb("person_key", "is", null), eb("like_key", "<", likeForm)])),
    ),
  );
  return false;
};

/**
 * Computes the keys of an approval request. Returns no keys for an approval request that was erased or changed, or was encrypted
 * with a lost key.
 */
const keysOf = (
  { parts: { audit } }: ApprovalContext,
  { record }: StoredRequest,
): { readonly person?: string; readonly like?: string } => {
  if (record.isErased || digestOf(record) !== record.digest) return {};
  const { person, like } = likenessKeys((value) => audit.tagsOf(value), record);
  return { ...(person[0] === undefined ? {} : { person: person[0] }), ...(like[0] === undefined ? {} : { like: like[0] }) };
};
