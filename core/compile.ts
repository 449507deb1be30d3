// The schema compiler, imported only when the first check is compiled. Bundled by the build together with typebox.ts.

import { Settings } from "typebox/system";

// TypeBox stops at 8 errors by default, which would hide the field after a union of eight literals.
Settings.Set({ maxErrors: 64 });

export { Compile, type Validator } from "typebox/compile";
