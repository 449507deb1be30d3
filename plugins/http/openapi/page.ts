// Serves the page `/docs`, which shows the OpenAPI document with Swagger UI. The files of Swagger UI are local, and the page can
// load nothing from other servers.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

export interface PageFile {
  readonly type: string;
  readonly body: string | Buffer;
}

/**
 * The content security policy of the page: scripts, styles and HTTP requests only to this origin, no inline code, and no frames
 * around the page.
 */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:", // The style sheet contains icons as data URLs.
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

// The URLs in the page are relative, because a proxy may serve the page under a path prefix.
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

// Without `validatorUrl: null`, the page would send the URL of the OpenAPI document to a validator on another host.
const start = `SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
`;

/**
 * Returns the folder with the files of Swagger UI. When Quater runs from source, this is the folder of the package
 * swagger-ui-dist. In a build of Quater, this is a folder with copies of these files.
 */
const folderOf = (here: URL): URL => {
  if (here.pathname.endsWith(".ts")) return pathToFileURL(createRequire(here).resolve("swagger-ui-dist/swagger-ui.css"));
  return new URL("plugins/http/docs/", here.href.slice(0, here.href.lastIndexOf("/dist/") + "/dist/".length));
};

const asset = async (name: string, type: string): Promise<PageFile> => ({
  type,
  body: await readFile(new URL(name, folderOf(new URL(import.meta.url)))),
});

/** The files of the page `/docs`, by path. */
export const pageFiles: Readonly<Record<string, () => PageFile | Promise<PageFile>>> = {
  "/docs": () => ({ type: "text/html; charset=utf-8", body: page }),
  "/docs/start.js": () => ({ type: "text/javascript; charset=utf-8", body: start }),
  "/docs/swagger-ui-bundle.js": () => asset("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
  "/docs/swagger-ui.css": () => asset("swagger-ui.css", "text/css; charset=utf-8"),
};
