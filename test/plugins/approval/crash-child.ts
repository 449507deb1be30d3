// A process that uses an approval up and never ends the call: it says so and waits to be killed.
//
// node -C quater-source --import tsx crash-child.ts ROOT URL

import { authenticated, handler, Type } from "quater";
import { bootDesk, people } from "./kit.ts";

const [root = "", url = ""] = process.argv.slice(2);

const hang = handler({
  description: "Hang.",
  effect: "write",
  input: Type.Object({}),
  auth: authenticated,
  handle: async () => {
    process.stdout.write(`started ${id}\n`);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
});

const desk = await bootDesk({ root, url: url === "" ? undefined : url, handlers: { hang }, audit: { leaseMs: 500 } });
const id = await desk.approved(people.robot, {}, { handler: "hang" });
await desk.call(people.robot, {}, { handler: "hang" });
