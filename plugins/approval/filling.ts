// Fills in the keys of requests that an older version filed. Only a process with the key file can compute them, so the
// migration of the tables leaves them empty.

import { digestOf } from "./digest.ts";
import type { Ground } from "./ground.ts";
import { likenessKeys } from "./likeness.ts";
import { database } from "./reading.ts";
import { type Found, unknownPerson } from "./tables.ts";

/** @returns Whether no request is left without keys. */
export const fillKeys = async (ground: Ground): Promise<boolean> => {
  const found = await ground.parts.reader.withoutKeys();
  if (found.length === 0) return true;
  const open = await ground.open();
  await open.apply(
    found.map((one) =>
      database(open)
        .updateTable("approval_request")
        .set(keysOf(ground, one))
        .where("id", "=", one.record.id)
        .where("person_key", "is", null),
    ),
  );
  return false;
};

/** A request that was erased, changed, or sealed with a key that is gone does not say who asked for what. */
const keysOf = ({ parts: { audit } }: Ground, { record }: Found): { person_key: string; like_key: string | null } => {
  if (record.isErased || digestOf(record) !== record.digest) return { person_key: unknownPerson, like_key: null };
  const { person, like } = likenessKeys((value) => audit.tagsOf(value), record);
  return { person_key: person[0] ?? unknownPerson, like_key: like[0] ?? null };
};
