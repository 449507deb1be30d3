// What http({ openApi }) says of the API beyond its routes.

import { type Static, Type } from "../../../core/index.ts";

const words = Type.String({ minLength: 1 });
const url = Type.String({ format: "uri" });
const strict = { additionalProperties: false };

export const openApiOption = Type.Object(
  {
    /** What the API is for. Markdown. */
    description: Type.Optional(words),
    contact: Type.Optional(
      Type.Object(
        { name: Type.Optional(words), url: Type.Optional(url), email: Type.Optional(Type.String({ format: "email" })) },
        strict,
      ),
    ),
    /** `identifier` is of the SPDX list, `MIT`. */
    license: Type.Optional(Type.Object({ name: words, identifier: Type.Optional(words), url: Type.Optional(url) }, strict)),
    /** Default: the origin that serves the document. */
    servers: Type.Optional(Type.Array(Type.Object({ url: words, description: Type.Optional(words) }, strict), { minItems: 1 })),
    /** What a group of routes is for, by the name of the group. */
    tags: Type.Optional(Type.Record(Type.String(), words)),
  },
  strict,
);

export type OpenApiOption = Static<typeof openApiOption>;
