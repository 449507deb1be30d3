// One SQLite file holds everything. Statements are synchronous, so nothing can come between two statements of a handler.

import Libsql from "libsql";
import { resource } from "quater";

const tables = `
  create table if not exists users (
    id integer primary key, username text not null unique, email text not null unique, password text not null, bio text, image text
  );
  create table if not exists follows (
    follower_id integer references users, followed_id integer references users, primary key (follower_id, followed_id)
  );
  create table if not exists articles (
    id integer primary key, slug text not null unique, title text not null, description text not null, body text not null,
    tag_list text not null, author_id integer not null references users, created_at text not null, updated_at text not null
  );
  create table if not exists favorites (
    user_id integer references users, article_id integer references articles on delete cascade, primary key (user_id, article_id)
  );
  create table if not exists comments (
    id integer primary key, body text not null, author_id integer not null references users,
    article_id integer not null references articles on delete cascade, created_at text not null
  );
`;

/** SQLite has 0 and 1 for false and true. */
export type Row<Fields> = { readonly [Name in keyof Fields]: Fields[Name] extends boolean ? number : Fields[Name] };

/** The values of `:name` in a statement. */
export type Values = Readonly<Record<string, string | number | null>>;

/** In every statement, `:viewer` is the id of the user who calls, or null. */
const databaseFor = (file: Libsql.Database, person: string | undefined) => {
  const viewer = person === undefined ? null : Number(person);
  const all = <Fields>(sql: string, values: Values = {}) => file.prepare(sql).all({ ...values, viewer }) as Row<Fields>[];
  return { all, first: <Fields>(sql: string, values?: Values) => all<Fields>(sql, values)[0] };
};
export type Database = ReturnType<typeof databaseFor>;

const file = resource({
  name: "file",
  scope: "app",
  opens: "start",
  open: () => {
    const opened = new Libsql(process.env["CONDUIT_DB"] ?? ":memory:");
    opened.exec(`PRAGMA foreign_keys = ON; ${tables}`);
    return opened;
  },
  close: (opened) => opened.close(),
});

export const db = resource({
  name: "db",
  scope: "call",
  use: { file },
  open: ({ file, principal }) => databaseFor(file, principal.person),
});
