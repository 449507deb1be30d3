// What the compiler infers and refuses for calls of the client. Compiled by `tsc`, never run.

import { anyone, defineConfig, expose, file, handler, problem, stream, Type, withDefault } from "quater";
import {
  type ApprovalRequired,
  type CallError,
  createClient,
  type Refusal,
  type Result,
  type StreamAnswer,
  upload,
} from "quater/client";
import { http } from "quater/http";

type Same<A, B> = (<Value>() => Value extends A ? 1 : 2) extends <Value>() => Value extends B ? 1 : 2 ? true : false;
const same = <A, B>(_proof: Same<A, B>): void => {};

const archived = problem("note_archived", "conflict");
const notes = {
  updateNote: handler({
    description: "Changes a note.",
    effect: "write",
    input: Type.Object({
      id: Type.String(),
      title: Type.Optional(Type.String()),
      mode: withDefault(Type.Enum(["draft", "final"]), "draft"),
    }),
    output: Type.Object({ id: Type.String() }),
    auth: anyone,
    problems: [archived],
    handle: ({ id }) => ({ id }),
  }),
  watchNotes: handler({
    description: "Watches.",
    effect: "read",
    input: Type.Object({ from: Type.Optional(Type.Integer()) }),
    output: stream(Type.Object({ at: Type.Integer() })),
    auth: anyone,
    async *handle() {
      yield { at: 1 };
    },
  }),
  removeNote: handler({
    description: "Removes.",
    effect: "write",
    input: Type.Object({ id: Type.String() }),
    auth: anyone,
    handle: () => 1,
  }),
};
const traced = {
  traceNote: handler({
    description: "Traces.",
    effect: "write",
    input: Type.Object({ id: Type.String(), traceId: Type.String() }),
    output: Type.Null(),
    auth: anyone,
    handle: () => null,
  }),
};
const manifest = defineConfig({
  name: "notes",
  handlers: [
    expose(async () => notes, {
      updateNote: { http: "PATCH /notes/:id" },
      watchNotes: { http: "GET /notes/events", name: "watch" },
      removeNote: {},
    }),
    expose(async () => traced, {
      traceNote: { http: { route: "POST /traces", status: 201, bind: { traceId: "header:x-trace-id" } } },
    }),
  ],
  plugins: [http()],
});

const client = createClient<typeof manifest>({ baseUrl: "" });

const result = await client("PATCH /notes/:id", { id: "n1" });
same<typeof result, Result<{ id: string }, "note_archived">>(true);
if (result.ok) same<typeof result.value, { id: string }>(true);
else if (result.code === "note_archived") same<typeof result, Refusal<"note_archived">>(true);
else if (result.code === "approval_required") {
  same<typeof result, ApprovalRequired<{ id: string }, "note_archived">>(true);
  const repeated = await result.wait({ everyMs: 500 });
  same<typeof repeated, typeof result | Exclude<Result<{ id: string }, "note_archived">, typeof result>>(true);
}
// @ts-expect-error no route answers with this code
if (!result.ok && result.code === "note_archive") throw new Error();
await client("PATCH /notes/:id", { id: "n1", title: "x", mode: "final" }, { signal: AbortSignal.timeout(1) });
await client("POST /traces", { id: "n1" }, { headers: { "x-trace-id": "t" } });

const events = client("GET /notes/events");
same<typeof events, StreamAnswer<{ at: number }>>(true);
for await (const event of events) same<typeof event, { at: number }>(true);
export const failureOf = (error: CallError) => error.failure.code;

// @ts-expect-error the manifest has no such route
await client("GET /notes");
// @ts-expect-error a handler without `http` has no route
await client("DELETE /notes/:id", { id: "n1" });
// @ts-expect-error a call names its route and not its handler
await client("updateNote", { id: "n1" });
const photos = {
  addPhoto: handler({
    description: "Adds.",
    effect: "write",
    input: Type.Object({
      id: Type.String(),
      photo: file({ maxBytes: 1, mediaTypes: ["image/*"] }),
      more: Type.Optional(Type.Array(file({ maxBytes: 1, mediaTypes: ["image/*"] }))),
    }),
    output: file({ mediaTypes: ["image/png"] }),
    auth: anyone,
    handle: () => ({ content: "" }),
  }),
  renameAlbum: handler({
    description: "Renames.",
    effect: "write",
    input: Type.Object({ id: Type.String(), title: Type.String() }),
    output: Type.Object({ title: Type.String() }),
    auth: anyone,
    handle: ({ title }) => ({ title }),
  }),
};
const albums = defineConfig({
  name: "albums",
  handlers: [
    expose(async () => photos, {
      addPhoto: { http: "POST /albums/:id" },
      renameAlbum: { http: { route: "PATCH /albums/:id", body: "album", answer: "album" } },
    }),
  ],
  plugins: [http()],
});
const album = createClient<typeof albums>({ baseUrl: "" });
const added = await album("POST /albums/:id", { id: "a", photo: upload(new Blob([])), more: [upload(new Blob([]))] });
same<typeof added, Result<File>>(true);
const renamed = await album("PATCH /albums/:id", { id: "a", album: { title: "x" } });
same<typeof renamed, Result<{ readonly album: { title: string } }>>(true);
// @ts-expect-error a file is written with upload()
await album("POST /albums/:id", { id: "a", photo: "x" });
// @ts-expect-error the title is sent under `album`
await album("PATCH /albums/:id", { id: "a", title: "x" });

// @ts-expect-error `id` is required
await client("PATCH /notes/:id");
// @ts-expect-error `id` is a string
await client("PATCH /notes/:id", { id: 1 });
// @ts-expect-error no such input
await client("PATCH /notes/:id", { id: "n1", titel: "x" });
// @ts-expect-error the input comes from a header
await client("POST /traces", { id: "n1", traceId: "t" });
// @ts-expect-error an answer that is not a stream cannot be iterated
for await (const _ of client("PATCH /notes/:id", { id: "n1" })) break;
