// The option `openApi` of http(). This option describes the API as a whole.

import { type Static, Type } from "../../../core/index.ts";

const words = Type.String({ minLength: 1 });
const url = Type.String({ format: "uri" });
const strict = { additionalProperties: false };

export const openApiOption = Type.Object(
  {
    /** The purpose of the API, as Markdown. */
    description: Type.Optional(words),
    contact: Type.Optional(
      Type.Object(
        { name: Type.Optional(words), url: Type.Optional(url), email: Type.Optional(Type.String({ format: "email" })) },
        strict,
      ),
    ),
    /** The license of the API. `identifier` is from the SPDX list: `MIT`. */
    license: Type.Optional(Type.Object({ name: words, identifier: Type.Optional(words), url: Type.Optional(url) }, strict)),
    /** The servers of the API. Default: the origin that serves the OpenAPI document. */
    servers: Type.Optional(Type.Array(Type.Object({ url: words, description: Type.Optional(words) }, strict), { minItems: 1 })),
    /** The purpose of each group of routes, by the name of the group. */
    tags: Type.Optional(Type.Record(Type.String(), words)),
  },
  strict,
);

export type OpenApiOption = Static<typeof openApiOption>;
