// Makes TypeBox's checks of values. A check for calls is compiled at its second use. Checks at boot run once, so these checks are
// interpreted, because compiling would take longer than the check.

import { Check, Compile } from "typebox/schema";
import { Settings } from "typebox/system";

// TypeBox stops at 8 errors by default. This limit would hide the error in the field after a union of eight literals.
Settings.Set({ maxErrors: 64 });

// Validators of typebox/compile can also convert and create values. This code would be a tenth of the bundle that each start
// compiles.
export { Check, Errors } from "typebox/schema";

/**
 * Returns a check that is compiled at its second use. Compiling takes 1 ms for a small schema, so a command with one call does
 * not compile, and a boot does not wait for the checks of all handlers.
 */
export const checkOf = (schema: object): ((value: unknown) => boolean) => {
  let check = (value: unknown): boolean => {
    check = (another) => {
      const validator = Compile(schema);
      check = (next) => validator.Check(next);
      return check(another);
    };
    return Check(schema, value);
  };
  return (value) => check(value);
};
