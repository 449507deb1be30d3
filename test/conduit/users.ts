// The handlers for users, and for their profiles as other users see them.

import { anyone, authenticated, handler, type Static, shaped, Type } from "quater";
import { type Database, db } from "./database.ts";
import { absent, notFound, taken, wrongCredentials } from "./refusals.ts";
import { Email, Login, OptionalText, Password, Profile, User, Username } from "./schemas.ts";
import { hashOf, isPasswordOf, tokenFor } from "./session.ts";

type Account = Omit<Static<typeof User>, "token"> & { id: number; password: string };

const ownAccount = (db: Database) => db.first<Account>("select * from users where id = :viewer") ?? notFound("profile");

const signedIn = async (account = notFound("profile") as Account) => ({ ...account, token: await tokenFor(account.id) });

/** @param id  The id of the user who may already have the name and the address. */
const refuseTaken = (db: Database, wanted: { readonly username: string; readonly email: string }, id = 0): void => {
  for (const about of ["username", "email"] as const)
    if (db.first(`select 1 from users where ${about} = :value and id <> :id`, { value: wanted[about], id }) !== undefined)
      taken("has already been taken", { details: { about } });
};

/** The parts that the handlers share whose answers contain a token. */
const signing = { output: shaped(User), reveal: true, use: { db } } as const;

export const register = handler({
  ...signing,
  description: "Register a new user.",
  effect: "write",
  input: Type.Object({ ...Login, username: Username }),
  auth: anyone,
  problems: [taken],
  handle: async ({ username, email, password }, { db }) => {
    const values = { username, email, password: await hashOf(password) };
    refuseTaken(db, values);
    const insert = "insert into users (username, email, password) values (:username, :email, :password) returning *";
    return signedIn(db.first<Account>(insert, values));
  },
});

export const logIn = handler({
  ...signing,
  description: "Log in with an email address and a password.",
  effect: "read",
  input: Type.Object({ email: Email, password: Password }),
  auth: anyone,
  problems: [wrongCredentials],
  handle: async ({ email, password }, { db }) => {
    const account = db.first<Account>("select * from users where email = :email", { email });
    const isRight = account !== undefined && (await isPasswordOf(account.password, password));
    return isRight ? signedIn(account) : wrongCredentials("invalid", { details: { about: "credentials" } });
  },
});

export const getUser = handler({
  ...signing,
  description: "Show the user who calls.",
  effect: "read",
  input: Type.Object({}),
  auth: authenticated,
  handle: (_, { db }) => signedIn(ownAccount(db)),
});

export const updateUser = handler({
  ...signing,
  description: "Change the user who calls. What is not given stays.",
  effect: "write",
  idempotent: true,
  input: Type.Partial(Type.Object({ ...Login, username: Username, bio: OptionalText, image: OptionalText })),
  auth: authenticated,
  problems: [taken],
  handle: async ({ password, ...changes }, { db }) => {
    const hash = password === undefined ? {} : { password: await hashOf(password) };
    const account = { ...ownAccount(db), ...changes, ...hash };
    refuseTaken(db, account, account.id);
    const update = `update users set username = :username, email = :email, password = :password,
      bio = nullif(:bio, ''), image = nullif(:image, '') where id = :id returning *`;
    return signedIn(db.first<Account>(update, account));
  },
});

const profileOf = (db: Database, username: string) =>
  db.first<Profile>(
    `select username, bio, image, exists (select 1 from follows where follower_id = :viewer and followed_id = id) as following
     from users where username = :username`,
    { username },
  ) ?? notFound("profile");

const ofProfile = { input: Type.Object({ username: Username }), output: shaped(Profile), use: { db }, problems: [absent] };
const change = { ...ofProfile, effect: "write", idempotent: true, auth: authenticated } as const;

export const getProfile = handler({
  ...ofProfile,
  description: "Show the profile of a user.",
  effect: "read",
  auth: anyone,
  handle: ({ username }, { db }) => profileOf(db, username),
});

export const follow = handler({
  ...change,
  description: "Follow a user.",
  handle: ({ username }, { db }) => {
    db.all("insert or ignore into follows select :viewer, id from users where username = :username", { username });
    return profileOf(db, username);
  },
});

export const unfollow = handler({
  ...change,
  description: "Stop following a user.",
  handle: ({ username }, { db }) => {
    const followed = "(select id from users where username = :username)";
    db.all(`delete from follows where follower_id = :viewer and followed_id = ${followed}`, { username });
    return profileOf(db, username);
  },
});
