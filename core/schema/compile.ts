// TypeBox's checks of values. Checks of calls are compiled. Checks at boot run once, so they are interpreted: compiling them would take
// longer than the checks.

import { Settings } from "typebox/system";

// TypeBox stops at 8 errors by default, which would hide the field after a union of eight literals.
Settings.Set({ maxErrors: 64 });

export { Compile, type Validator } from "typebox/compile";
export { Check, Errors } from "typebox/schema";
