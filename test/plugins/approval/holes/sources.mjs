// Gives Node another text for some source files, before tsx compiles them. Plain JavaScript, because Node loads it before tsx.

import * as hooks from "node:module";
import { isMainThread } from "node:worker_threads";

/** By URL. */
const texts = JSON.parse(process.env.QUATER_TEST_SOURCES ?? "{}");

const replaced = (url, loaded) => (Object.hasOwn(texts, url) ? { ...loaded, source: texts[url] } : loaded);

/** For Node 20, which runs hooks in a thread of their own. */
export const load = async (url, context, nextLoad) => replaced(url, await nextLoad(url, context));

// tsx uses the same kind of hooks; what is registered first is asked last, so tsx gets the other text as if it were the file.
if (hooks.registerHooks !== undefined)
  hooks.registerHooks({ load: (url, context, nextLoad) => replaced(url, nextLoad(url, context)) });
else if (isMainThread) hooks.register(import.meta.url);
