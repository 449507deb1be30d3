// All data of Conduit is in one SQLite file. Statements are synchronous, so no other call can run between two statements of a
// handler.

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

/** The type of a row. SQLite has no booleans, so false is 0 and true is 1. */
export type Row<Fields> = { readonly [Name in keyof Fields]: Fields[Name] extends boolean ? number : Fields[Name] };

/** The values of parameters such as `:name` in a statement. */
export type Values = Readonly<Record<string, string | number | null>>;

/** Returns the database for one caller. In every statement, `:viewer` is the id of the caller, or null without a caller. */
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
