// The example of `quater init --example crud`: notes that callers create, read, change and delete.

import type { Example } from "./example.ts";

const storeText = `import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { resource } from "quater";

export interface Note {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

/** Notes in one JSON file. Replace this class by a database: the handlers stay the same. */
class Notes {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  all(): readonly Note[] {
    try {
      return JSON.parse(readFileSync(this.#file, "utf8")) as Note[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  save(notes: readonly Note[]): void {
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(\`\${this.#file}.new\`, JSON.stringify(notes));
    renameSync(\`\${this.#file}.new\`, this.#file); // A reader never sees half of the file.
  }
}

export const notes = resource({
  name: "notes",
  scope: "app",
  open: () => new Notes(process.env["NOTES_FILE"] ?? ".quater/notes.json"),
});
`;

const handlerText = `import { randomUUID } from "node:crypto";
import { can, handler, notFound, Type, withDefault } from "quater";
import { notes } from "./store.ts";

const id = Type.String({ minLength: 1, maxLength: 36, description: "The id of the note" });
const title = Type.String({ minLength: 1, maxLength: 100, description: "The title of the note" });
const text = Type.String({ maxLength: 10_000, description: "The text of the note" });
const note = Type.Object({ id, title, text });

export const listNotes = handler({
  description: "List all notes.",
  effect: "read",
  input: Type.Object({}),
  output: Type.Array(note),
  auth: can("notes:read"),
  use: { notes },
  handle: (_, { notes }) => [...notes.all()],
});

export const getNote = handler({
  description: "Show one note.",
  effect: "read",
  input: Type.Object({ id }),
  output: note,
  auth: can("notes:read"),
  use: { notes },
  handle: ({ id }, { notes }) => notes.all().find((one) => one.id === id) ?? notFound("note", id),
});

export const createNote = handler({
  description: "Create a note.",
  effect: "write",
  input: Type.Object({ title, text: withDefault(text, "") }),
  output: note,
  auth: can("notes:write"),
  use: { notes },
  handle: (input, { notes }) => {
    const made = { id: randomUUID(), ...input };
    notes.save([...notes.all(), made]);
    return made;
  },
});

export const updateNote = handler({
  description: "Change the title or the text of a note.",
  effect: "write",
  input: Type.Object({ id, title: Type.Optional(title), text: Type.Optional(text) }),
  output: note,
  auth: can("notes:write"),
  use: { notes },
  handle: ({ id, ...changes }, { notes }) => {
    const all = notes.all();
    const old = all.find((one) => one.id === id) ?? notFound("note", id);
    const changed = { ...old, ...changes };
    notes.save(all.map((one) => (one.id === id ? changed : one)));
    return changed;
  },
});

export const deleteNote = handler({
  description: "Delete a note. This cannot be undone.",
  effect: "destructive",
  input: Type.Object({ id }),
  output: Type.Object({ deleted: id }),
  auth: can("notes:write"),
  use: { notes },
  handle: ({ id }, { notes }) => {
    const all = notes.all();
    const left = all.filter((one) => one.id !== id);
    if (left.length === all.length) return notFound("note", id);
    notes.save(left);
    return { deleted: id };
  },
});
`;

const testText = `import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bootTest, principal } from "quater/testing";
import manifest from "../quater.config.ts";

process.env["NOTES_FILE"] = join(mkdtempSync(join(tmpdir(), "notes-")), "notes.json");
const ana = principal({ subject: "ana", scopes: ["notes:read", "notes:write"] });
const reader = principal({ subject: "bo", scopes: ["notes:read"] });

test("a note can be created, read, changed and deleted", async () => {
  await using app = await bootTest(manifest, { start: false });
  const notes = app.as(ana);
  const made = await notes.call("createNote", { title: "Milk" });
  assert.ok(made.ok);
  const { id } = made.value;
  const changed = await notes.call("updateNote", { id, text: "Two litres" });
  assert.deepEqual(changed.ok && changed.value, { id, title: "Milk", text: "Two litres" });
  const shown = await app.as(reader).call("getNote", { id });
  assert.deepEqual(shown.ok && shown.value, changed.ok && changed.value);
  assert.ok((await notes.call("deleteNote", { id })).ok);
  const gone = await notes.call("getNote", { id });
  assert.equal(gone.ok || gone.error.kind, "not_found");
});

test("a reader cannot create notes", async () => {
  await using app = await bootTest(manifest, { start: false });
  const outcome = await app.as(reader).call("createNote", { title: "Milk" });
  assert.equal(outcome.ok || outcome.error.code, "missing_scope");
});
`;

const manifestText = (
  name: string,
): string => `// The manifest: handlers, how each is exposed, and plugins. A handler that is not listed here cannot be called.
import { defineConfig, expose } from "quater";
import { apiKeys, cli, http, localUser, mcp } from "quater/plugins";

export default defineConfig({
  name: "${name}",
  handlers: [
    expose(() => import("./app/notes.ts"), {
      listNotes: { http: "GET /notes", mcp: true, cli: true },
      getNote: { http: "GET /notes/:id", mcp: true, cli: true },
      createNote: { http: { route: "POST /notes", status: 201 }, mcp: true, cli: true },
      updateNote: { http: "PATCH /notes/:id", mcp: true, cli: true },
      deleteNote: { http: "DELETE /notes/:id", cli: true }, // Agents cannot delete notes.
    }),
  ],
  plugins: [
    http({ port: 3000, authenticate: apiKeys() }),
    mcp({ authenticate: apiKeys() }),
    cli({ authenticate: localUser({ scopes: ["notes:read", "notes:write"] }) }),
  ],
});
`;

export const crudExample: Example = {
  purpose: "handlers that create, read, change and delete notes",
  scopes: ["notes:read", "notes:write"],
  files: ({ name }) => [
    { path: "app/store.ts", text: storeText },
    { path: "app/notes.ts", text: handlerText },
    { path: "test/notes.test.ts", text: testText },
    { path: "quater.config.ts", text: manifestText(name) },
  ],
  readme: ({ exec, command }) => ({
    about: "five handlers in `app/notes.ts` that create, read, change and delete notes, which `app/store.ts` keeps in a file.",
    rows: [
      [`${exec} quater run createNote --title Milk`, "Creates a note from the terminal"],
      [`${exec} quater run listNotes`, "Lists the notes"],
      [`${exec} quater exposure`, "Lists handlers with surfaces and auth"],
      [command("test"), "Runs the tests"],
    ],
    createKey: `${exec} quater keys create --name ana --scopes notes:read --scopes notes:write`,
    more: "",
  }),
  calls: ({ exec }, { url, header }) => [`curl ${header} --json '{"title":"Milk"}' ${url}/notes`, `${exec} quater run listNotes`],
};
