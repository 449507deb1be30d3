// TypeBox's checks of values: compiled for what runs per call, as they stand for what is asked once at boot, where
// compiling would take longer than all checks together.

import { Settings } from "typebox/system";

// TypeBox stops at 8 errors by default, which would hide the field after a union of eight literals.
Settings.Set({ maxErrors: 64 });

export { Compile, type Validator } from "typebox/compile";
export { Check, Errors } from "typebox/schema";
