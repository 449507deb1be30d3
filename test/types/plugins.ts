// What the compiler must refuse of plugins, with the reason beside it, and what it must infer. Compiled by `tsc`, never run.

import { Type } from "quater";
import { type ExposureValue, exposureKey, type Operation } from "quater/plugin-api";

type Same<A, B> = (<Value>() => Value extends A ? 1 : 2) extends <Value>() => Value extends B ? 1 : 2 ? true : false;
const same = <A, B>(_proof: Same<A, B>): void => {};
declare const operation: Operation | undefined;

// Keys of the exposure table

const Quota = Type.Object({ perMinute: Type.Integer() });
const quotaKey = exposureKey("quota", Quota, { resolve: ({ perMinute }) => ({ everyMs: 60_000 / perMinute }) });
same<ReturnType<typeof quotaKey.of>, { everyMs: number } | undefined>(true);
same<ExposureValue<typeof quotaKey>, { perMinute: number }>(true);
const plainKey = exposureKey("plain", Type.Enum(["a", "b"]));
same<ReturnType<typeof plainKey.of>, "a" | "b" | undefined>(true);
// @ts-expect-error the resolved value has no such property
quotaKey.of(operation)?.perMinute;
// @ts-expect-error the value in the manifest has no such property
exposureKey("quota", Quota, { resolve: ({ perHour }) => perHour });
// @ts-expect-error a key has no such rule
exposureKey("quota", Quota, { chekc: () => [] });
// @ts-expect-error there is no such meaning
exposureKey("quota", Quota, { means: "secret" });
