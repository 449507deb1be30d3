
import { defineConfig, expose } from "quater";
import { cli } from "quater/cli";
import { http } from "quater/http";
export default defineConfig({
  name: "made",
  handlers: [expose(() => import("./handlers.mjs"), {})],
  plugins: [cli()],
});
