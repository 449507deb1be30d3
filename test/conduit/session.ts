// Checks passwords, and makes the tokens that users get for a correct password.

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { jwt } from "quater/plugins";

const keyOf = promisify(scrypt) as (password: string, salt: string, length: number) => Promise<Buffer>;

export const hashOf = async (password: string): Promise<string> => {
  const salt = randomBytes(16).toString("hex");
  return `${salt}:${(await keyOf(password, salt, 32)).toString("hex")}`;
};

export const isPasswordOf = async (hash: string, password: string): Promise<boolean> => {
  const [salt = "", key = ""] = hash.split(":");
  return timingSafeEqual(Buffer.from(key, "hex"), await keyOf(password, salt, 32));
};

/** Without CONDUIT_SECRET, tokens are valid until the server stops. */
export const sessions = jwt({
  issuer: "conduit",
  audience: "conduit",
  scheme: "Token",
  secret: process.env["CONDUIT_SECRET"] ?? randomBytes(32).toString("hex"),
});

/** Returns a token that is valid for sixty days. */
export const tokenFor = (userId: number): Promise<string> => sessions.sign({ sub: String(userId) }, 60 * 24 * 60 * 60);
