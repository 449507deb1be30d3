// The part of the programs that `serving` starts: a server without a log.

import type { Manifest } from "quater";
import { httpRef } from "quater/http";
import { createKernel } from "../../../core/boot/kernel.ts";

const silent = () => {};

/** Serves the manifest, sends the URL to the parent process, and ends with the parent process. */
export const serveForParent = async (manifest: Manifest): Promise<void> => {
  const kernel = await createKernel({
    loaded: { manifest, file: "quater.config.ts", root: process.cwd(), placeOf: () => "quater.config.ts" },
    mode: "serve",
    log: { info: silent, warn: silent, error: silent },
  });
  await kernel.start();
  process.send?.(kernel.services.get(httpRef).baseUrl);
  process.on("disconnect", () => process.exit(0));
};
