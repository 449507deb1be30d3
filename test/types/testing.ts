// What the compiler must refuse in tests of handlers, and what it must infer. Compiled by `tsc`, never run.

import { anyone, defineConfig, expose, type Handler, handler, Type, withDefault } from "quater";
import { bootTest, expectOk, principal } from "quater/testing";

type Same<A, B> = (<Value>() => Value extends A ? 1 : 2) extends <Value>() => Value extends B ? 1 : 2 ? true : false;
const same = <A, B>(_proof: Same<A, B>): void => {};

const updateNote = handler({
  description: "Changes a note.",
  effect: "write",
  input: Type.Object({
    id: Type.String(),
    title: Type.Optional(Type.String()),
    mode: withDefault(Type.Enum(["draft", "final"]), "draft"),
  }),
  output: Type.Object({ id: Type.String() }),
  auth: anyone,
  handle: ({ id, mode }) => {
    same<typeof mode, "draft" | "final">(true);
    return { id };
  },
});
same<typeof updateNote, Handler<{ id: string; mode: "draft" | "final"; title?: string }, { id: string }, never, "mode">>(true);
const listNotes = handler({
  description: "Lists.",
  effect: "read",
  input: Type.Object({ limit: withDefault(Type.Integer(), 20) }),
  auth: anyone,
  handle: () => null,
});
// @ts-expect-error the default is not one of the words
withDefault(Type.Enum(["draft", "final"]), "open");
// @ts-expect-error the default is not a number
withDefault(Type.Integer(), "20");

const app = await bootTest({ handlers: { updateNote, listNotes } });
const ana = app.as(principal());
const note = await expectOk(ana.call("updateNote", { id: "n1" }));
same<typeof note, { id: string }>(true);
await ana.call("updateNote", { id: "n1", title: "x", mode: "final" }, { dryRun: true });
await ana.call("listNotes");
await ana.send("updateNtoe", { idd: 1 });
// @ts-expect-error no such handler
await ana.call("updateNtoe", { id: "n1" });
// @ts-expect-error `id` is required
await ana.call("updateNote");
// @ts-expect-error `id` is a string
await ana.call("updateNote", { id: 1 });
// @ts-expect-error no such input
await ana.call("updateNote", { id: "n1", titel: "x" });
// @ts-expect-error the answer has no title
(await expectOk(ana.call("updateNote", { id: "n1" }))).title;

const manifest = defineConfig({
  name: "notes",
  handlers: [
    expose(async () => ({ updateNote }), { updateNote: { name: "change" } }),
    expose(async () => ({ listNotes }), { listNotes: {} }),
  ],
  plugins: [],
});
const booted = (await bootTest(manifest, { start: false })).as(principal());
const changed = await expectOk(booted.call("change", { id: "n1" }));
same<typeof changed, { id: string }>(true);
await booted.call("listNotes", { limit: 1 });
// @ts-expect-error the manifest gives it another name
await booted.call("updateNote", { id: "n1" });

const renamed = await bootTest({
  handlers: { updateNote, listNotes },
  expose: { updateNote: { direct: true, name: "change" } },
});
const again = await expectOk(renamed.as(principal()).call("change", { id: "n1" }));
same<typeof again, { id: string }>(true);
// @ts-expect-error the exposure gives it another name
await renamed.as(principal()).call("updateNote", { id: "n1" });
// @ts-expect-error the exposure does not list it
await renamed.as(principal()).call("listNotes");
