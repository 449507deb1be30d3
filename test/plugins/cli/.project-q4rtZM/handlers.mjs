
import { anyone, handler, Type } from "quater";
const parts = { effect: "read", input: Type.Object({}), auth: anyone, handle: () => "ok" };
export const good = handler({ ...parts, description: "Good." });
export const silent = handler({ ...parts, description: "" });
export const open = handler({ ...parts, description: "Open.", auth: undefined });
