// Calls the running shop by the four generated clients, one after the other, and prints what came back.

import { byHeyApi } from "./hey-api";
import { byOpenApiFetch } from "./openapi-fetch";
import { byOrval } from "./orval";
import { byZodios } from "./zodios";

declare const process: {
  readonly env: Readonly<Record<string, string>>;
  readonly stdout: { readonly write: (text: string) => void };
};
const { BASE_URL = "", TOKEN = "" } = process.env;

export interface Called {
  /** Of the orders of one page. */
  readonly orders: number;
  readonly created: { readonly status: string; readonly items: number; readonly traceId: string | undefined };
  /** The code for an order that is not there. */
  readonly absent: string;
  /** The fields of an input that does not fit. */
  readonly wrong: readonly string[];
  /** The state of the request for approval that a 428 leads to. */
  readonly asked: string;
  readonly isOpen: boolean;
  /** Of the orders of the export; the zodios client knows no streams. */
  readonly exported: number | undefined;
}

const called: Record<string, Called> = {};
for (const [name, call] of Object.entries({ byOpenApiFetch, byZodios, byOrval, byHeyApi }))
  called[name] = await call(BASE_URL, TOKEN);
process.stdout.write(JSON.stringify(called));
