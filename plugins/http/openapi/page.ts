// `/docs`: the OpenAPI document as a page. Swagger UI comes from local files, and the page can load nothing else.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

export interface PageFile {
  readonly type: string;
  readonly body: string | Buffer;
}

/** Scripts, styles and requests of this origin alone, no inline code, and no page around it. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:", // icons inside of the style sheet
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

// Relative addresses: a proxy may serve all of it under a prefix.
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

// Without `validatorUrl: null` the page asks a validator of another host about the document.
const start = `SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
`;

/** From source, the files are those of the package. A build has copies of them. */
const folderOf = (here: URL): URL => {
  if (here.pathname.endsWith(".ts")) return pathToFileURL(createRequire(here).resolve("swagger-ui-dist/swagger-ui.css"));
  return new URL("plugins/http/docs/", here.href.slice(0, here.href.lastIndexOf("/dist/") + "/dist/".length));
};

const asset = async (name: string, type: string): Promise<PageFile> => ({
  type,
  body: await readFile(new URL(name, folderOf(new URL(import.meta.url)))),
});

/** By path: what the server answers there. */
export const pageFiles: Readonly<Record<string, () => PageFile | Promise<PageFile>>> = {
  "/docs": () => ({ type: "text/html; charset=utf-8", body: page }),
  "/docs/start.js": () => ({ type: "text/javascript; charset=utf-8", body: start }),
  "/docs/swagger-ui-bundle.js": () => asset("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
  "/docs/swagger-ui.css": () => asset("swagger-ui.css", "text/css; charset=utf-8"),
};
