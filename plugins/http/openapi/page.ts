// Serves `/docs`, which shows the OpenAPI document with Swagger UI. The files of Swagger UI are local, and the page can load
// nothing from other servers.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

export interface PageFile {
  readonly type: string;
  readonly body: string | Buffer;
}

/**
 * The content security policy: scripts, styles and requests only from this origin, no inline code, and no frames around the page.
 */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:", // The style sheet contains icons.
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

// The URLs are relative, because a proxy may serve the page under a prefix.
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API reference</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

// Without `validatorUrl: null` the page would send the document's URL to a validator on another host.
const start = `SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
`;

/** Returns the folder of Swagger UI's files: from source the package's folder, and in a build the copies. */
const folderOf = (here: URL): URL => {
  if (here.pathname.endsWith(".ts")) return pathToFileURL(createRequire(here).resolve("swagger-ui-dist/swagger-ui.css"));
  return new URL("plugins/http/docs/", here.href.slice(0, here.href.lastIndexOf("/dist/") + "/dist/".length));
};

const asset = async (name: string, type: string): Promise<PageFile> => ({
  type,
  body: await readFile(new URL(name, folderOf(new URL(import.meta.url)))),
});

/** The files of the page, by path. */
export const pageFiles: Readonly<Record<string, () => PageFile | Promise<PageFile>>> = {
  "/docs": () => ({ type: "text/html; charset=utf-8", body: page }),
  "/docs/start.js": () => ({ type: "text/javascript; charset=utf-8", body: start }),
  "/docs/swagger-ui-bundle.js": () => asset("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
  "/docs/swagger-ui.css": () => asset("swagger-ui.css", "text/css; charset=utf-8"),
};
