// Gets a token from an authorization server, so that no person must type a token. This file uses the device authorization grant
// (RFC 8628): a person confirms a code in a browser. The browser may run on another device.

import { setTimeout as sleep } from "node:timers/promises";
import { cut, visible } from "../../../core/diagnostics/text.ts";
import { isPrivateUrl } from "../../../core/model/loopback.ts";
import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { Distrusted, UsageError } from "../output/exit.ts";
import type { Context, Env } from "../program/context.ts";
import type { Login } from "../serving/protocol.ts";
import { quoted } from "./distrust.ts";
import { parsed } from "./envelopes.ts";
import { faultOfToken, type Remote } from "./known.ts";
import { limitsNow, send, type Target } from "./requests.ts";

type Obtained = Pick<Remote, "token" | "expiresAt">;

/** The longest wait for the confirmation of a device login, in milliseconds. The authorization server may allow more time. */
const longestWaitMs = 15 * 60_000;

/**
 * Shows the code of a login, and waits until the person has confirmed the code in a browser.
 *
 * @throws {Distrusted} for an authorization server whose answers do not match RFC 8414 and RFC 8628.
 * @throws {UsageError} when the person refused the login, or when the code expired.
 */
export const tokenByDevice = async (program: Context, remote: Remote, login: Login): Promise<Obtained> => {
  const { env, terminal } = program;
  const { issuer, clientId, scopes } = login;
  const server = serverOf(remote, issuer);
  const { device, token } = await endpointsOf(env, server, issuer);
  const interrupt = program.heedInterrupt();
  const common = { client_id: clientId };
  // By RFC 8707, the parameter `resource` makes the token valid only for this remote.
  const begun = await post(env, server, device, { ...common, scope: scopes.join(" "), resource: remote.url }, interrupt);
  const code = codeIn(server, begun.body);
  terminal.say(
    `To log in to the remote ${remote.name}, open this address of ${visible(issuer)} in a browser:\n  ${visible(code.address)}\nand confirm the code:\n  ${visible(code.userCode)}\n`,
  );
  const { origin } = new URL(code.address);
  if (origin !== server.url)
    terminal.say(
      `The address leads to ${quoted(origin)}, which is not the host of the authorization server. Check the host before you sign in.\n`,
    );
  let intervalMs = code.intervalMs;
  const until = Date.now() + Math.min(code.expiresInMs, longestWaitMs);
  const grant = { ...common, grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code: code.deviceCode };
  while (Date.now() < until) {
    await sleep(intervalMs, undefined, { signal: interrupt });
    terminal.status(`Waiting for the confirmation in the browser, ${Math.ceil((until - Date.now()) / 1000)} s left`);
    const { status, body } = await post(env, server, token, { ...grant, resource: remote.url }, interrupt);
    if (status === 200) return tokenIn(server, body);
    const { error } = body;
    // By RFC 8628 3.5, a client waits longer between its requests after the error `slow_down`.
    if (error === "slow_down") intervalMs += 5_000;
    else if (error === "access_denied") throw new UsageError("The login was refused in the browser", "login_refused");
    else if (error === "expired_token") break;
    else if (error !== "authorization_pending") throw wrong(server, `refused the login: ${quoted(error)}`);
  }
  throw new UsageError(`The code was not confirmed in time. Run quater remote login ${remote.name} again`, "login_expired");
};

const wrong = ({ url }: Target, what: string): Distrusted => new Distrusted(`The authorization server ${url} ${what}`);

/** Returns the authorization server as a target. Its URL may use http only if the server and the remote are on this computer. */
const serverOf = (remote: Remote, issuer: string): Target => {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  const isRight = url !== undefined && isPrivateUrl(url) && url.search === "" && url.hash === "" && url.username === "";
  if (!isRight || (url.protocol === "http:" && !remote.url.startsWith("http:")))
    throw new Distrusted(`The remote ${remote.name} names the authorization server ${quoted(issuer)}, which is not an https URL`);
  return { name: `${remote.name} (authorization server)`, url: url.origin, ca: remote.ca };
};

/** Reads the metadata of the authorization server (RFC 8414 3). @throws {Distrusted} for metadata that are missing or wrong. */
const endpointsOf = async (
  env: Env,
  server: Target,
  issuer: string,
): Promise<{ readonly device: string; readonly token: string }> => {
  const { pathname } = new URL(issuer);
  const path = pathname === "/" ? "" : pathname.replace(/\/$/, "");
  for (const at of [`/.well-known/oauth-authorization-server${path}`, `${path}/.well-known/openid-configuration`]) {
    const answer = await send(env, server, { method: "GET", path: at });
    if (answer.status !== 200) {
      answer.close();
      continue;
    }
    const found = await jsonIn(server, answer);
    if (found["issuer"] !== issuer)
      throw wrong(server, `says that it is ${quoted(found["issuer"])}, but must be ${quoted(issuer)}`);
    return { device: endpoint(server, found["device_authorization_endpoint"]), token: endpoint(server, found["token_endpoint"]) };
  }
  throw wrong(server, "has no metadata document");
};

/**
 * Returns the path of an endpoint of the authorization server. An endpoint on another host is refused, because it is unchecked.
 */
const endpoint = (server: Target, address: unknown): string => {
  const url = typeof address === "string" && URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) throw wrong(server, "has no device login");
  if (url.origin !== server.url) throw wrong(server, `names an endpoint on another host, ${quoted(url.origin)}`);
  return `${url.pathname}${url.search}`;
};

const jsonIn = async (server: Target, answer: Awaited<ReturnType<typeof send>>): Promise<JsonSchema> => {
  let text = "";
  for await (const line of answer.lines()) text += line;
  return parsed(server.name, text);
};

const post = async (env: Env, server: Target, path: string, fields: Readonly<Record<string, string>>, signal: AbortSignal) => {
  const body = { type: "application/x-www-form-urlencoded", text: new URLSearchParams(fields).toString() };
  const answer = await send(env, server, { method: "POST", path, body, signal });
  const { status } = answer;
  return { status, body: await jsonIn(server, answer) };
};

const codeIn = (server: Target, body: JsonSchema) => {
  const { device_code: deviceCode, user_code: userCode, verification_uri: address, expires_in: seconds, interval = 5 } = body;
  const page = typeof address === "string" && URL.canParse(address) ? new URL(address) : undefined;
  const isRight =
    typeof deviceCode === "string" &&
    typeof userCode === "string" &&
    page !== undefined &&
    isPrivateUrl(page) &&
    // In the URL https://login.example@evil.example/, the host is evil.example and the user name is login.example.
    page.username === "" &&
    page.password === "" &&
    typeof seconds === "number" &&
    typeof interval === "number" &&
    isPlainObject(body);
  if (!isRight) throw wrong(server, "began no device login");
  const intervalMs = Math.min(Math.max(interval * 1_000, limitsNow().pollMs), 60_000);
  // The parsed URL shows a host name with non-ASCII letters in its ASCII form.
  return { deviceCode, userCode: cut(userCode, 100), address: page.href, expiresInMs: seconds * 1_000, intervalMs };
};

const tokenIn = (server: Target, body: JsonSchema): Obtained => {
  const { access_token: token, token_type: type, expires_in: seconds } = body;
  if (typeof token !== "string" || faultOfToken(token) !== undefined || String(type).toLowerCase() !== "bearer")
    throw wrong(server, "answered without a bearer token");
  if (typeof seconds !== "number" || !(seconds > 0 && seconds < 1e9)) return { token };
  return { token, expiresAt: new Date(Date.now() + seconds * 1_000).toISOString() };
};
