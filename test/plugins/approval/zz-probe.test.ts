import { randomBytes } from "node:crypto";
import { authenticated, handler, secret, Type } from "quater";
import { principal } from "quater/testing";
import { expect } from "vitest";
import { codeOf, onBothDialects, pay, people } from "./kit.ts";

const { robot, bea } = people;
const tryit = async (what: string, f: () => Promise<unknown>) => {
  try {
    const r = await f();
    console.log("PROBE", what, "->", typeof r === "string" ? r : JSON.stringify(r)?.slice(0, 300));
  } catch (e) {
    console.log("PROBE", what, "threw", (e as any).code, (e as Error).message, String((e as any).cause ?? ""));
  }
};
onBothDialects((claim, dialect) => {
  claim("probe NUL subject vote", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    await tryit(dialect + " vote NUL", async () => (await desk.vote({ ...bea, subject: "be\0a" }, id)).state);
    await tryit(dialect + " call after", async () => codeOf(await desk.call(robot, { cents: 9 })));
    await tryit(dialect + " list handler NUL", async () => (await desk.approvals.list(bea, { handler: "\0" })).length);
    await tryit(dialect + " list before NUL", async () => (await desk.approvals.list(bea, { before: "\0" })).length);
  });
  claim("probe long person", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    const long = randomBytes(6000).toString("base64");
    await tryit(dialect + " vote long person", async () => (await desk.vote({ ...bea, person: long }, id)).state);
    await tryit(dialect + " call after", async () => codeOf(await desk.call(robot, { cents: 9 })));
  });
  claim("probe long subject", async ({ boot }) => {
    const desk = await boot();
    const long = randomBytes(6000).toString("base64");
    await tryit(dialect + " file long subject", async () => codeOf(await desk.call({ ...robot, subject: long })));
    await tryit(dialect + " call after", async () => codeOf(await desk.call(robot, { cents: 9 })));
  });
  claim("probe half reason", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(robot);
    await tryit(dialect + " half", async () =>
      JSON.stringify((await desk.vote(bea, id, "deny", "\n" + "😀".repeat(249))).reason?.slice(-3)),
    );
    await tryit(dialect + " status", async () => codeOf(await desk.call(robot)));
  });
  claim("probe case person", async ({ boot }) => {
    const desk = await boot();
    const id = await desk.file(people.ana);
    await tryit(
      dialect + " Ana votes for ana",
      async () => (await desk.vote({ ...people.ana, person: "Ana", credential: "other", subject: "o" }, id)).state,
    );
  });
  claim("probe preview secret", async ({ boot }) => {
    const h = handler({
      description: "x.",
      effect: "write",
      input: Type.Object({ note: Type.String(), pin: secret(Type.String()) }),
      auth: authenticated,
      preview: ({ pin, note }) => ({ says: `pin ${pin} for ${note}` }),
      handle: () => ({}),
    });
    const desk = await boot({ handlers: { h } });
    const id = await desk.file(robot, { note: "n", pin: "hunter2-secret" }, { handler: "h" });
    const rows = await desk.sql("select * from audit_event");
    console.log("PROBE secret in trail", JSON.stringify(rows).includes("hunter2-secret"));
    const r2 = await desk.sql("select * from approval_request");
    console.log("PROBE secret in request", JSON.stringify(r2).includes("hunter2-secret"));
  });
  claim("probe preview ctrl", async ({ boot }) => {
    let n = 0;
    const h = handler({
      description: "x.",
      effect: "write",
      input: Type.Object({}),
      auth: authenticated,
      preview: () => ({ ["\u001b[31m" + n++]: 1 }),
      handle: () => ({}),
    });
    const desk = await boot({ handlers: { h } });
    const id = await desk.approved(robot, {}, { handler: "h" });
    const o = await desk.call(robot, {}, { handler: "h" });
    console.log("PROBE ctrl", codeOf(o), JSON.stringify(!o.ok && o.error.message));
  });
  claim("probe preview lone", async ({ boot }) => {
    const h = handler({
      description: "x.",
      effect: "write",
      input: Type.Object({}),
      auth: authenticated,
      preview: () => ({ a: "\ud800" }),
      handle: () => ({}),
    });
    const desk = await boot({ handlers: { h } });
    console.log("PROBE lone", codeOf(await desk.call(robot, {}, { handler: "h" })));
  });
});
