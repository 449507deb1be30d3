
import { defineConfig, expose } from "quater";
import { cli } from "quater/cli";
import { http } from "quater/http";
export default defineConfig({
  name: "made",
  handlers: [expose(() => import("./handlers.mjs"), {})],
  plugins: [cli(),
    Object.assign(cli(), { name: "p", exposure: [], surface: undefined, commands: [{ path: ["help", "x"], description: "x", input: { type: "object" }, run: () => 0 }] })],
});
