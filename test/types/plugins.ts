// What the compiler must refuse of plugins, with the reason beside it, and what it must infer. Compiled by `tsc`, never run.

import { authenticator, type Principal, Type, withDefault } from "quater";
import {
  type ConfiguredPlugin,
  command,
  defineAuthenticator,
  definePlugin,
  type ExposureValue,
  exposureKey,
  type Operation,
  type OptionsOf,
  opaque,
} from "quater/plugin-api";

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

// Options

const quota = definePlugin(
  {
    perMinute: withDefault(Type.Integer(), 60),
    now: withDefault(opaque<() => number>("a function that gives milliseconds"), Date.now),
    file: Type.Optional(Type.String()),
    hosts: withDefault(Type.Array(Type.String()), []),
    mode: withDefault(Type.Enum(["fast", "slow"]), "fast"),
  },
  (options, given) => {
    same<typeof options.perMinute, number>(true);
    same<typeof options.now, () => number>(true);
    same<typeof options.file, string | undefined>(true);
    same<typeof options.hosts, readonly string[]>(true);
    same<typeof given.hosts, readonly string[] | undefined>(true);
    return { name: "quota" };
  },
);
same<
  typeof quota,
  (options?: {
    readonly perMinute?: number;
    readonly now?: () => number;
    readonly file?: string;
    readonly hosts?: readonly string[];
    readonly mode?: "fast" | "slow";
  }) => ConfiguredPlugin
>(true);
quota({ perMinute: 5, hosts: ["a"] as const, mode: "slow" });
// @ts-expect-error Did you mean to write 'perMinute'?
quota({ perMinut: 5 });
// @ts-expect-error a number is expected
quota({ perMinute: "5" });
// @ts-expect-error there is no such mode
quota({ mode: "slwo" });
// @ts-expect-error the default is no number
withDefault(Type.Integer(), "60");
// @ts-expect-error a function that gives milliseconds is expected
quota({ now: () => "soon" });

const pair = definePlugin({ who: Type.String(), often: withDefault(Type.Integer(), 1) }, ({ who }) => ({ name: who }));
same<OptionsOf<typeof pair>, { readonly who: string; readonly often?: number }>(true);
// @ts-expect-error `who` is required
pair();
// @ts-expect-error `who` is required
pair({ often: 2 });
// @ts-expect-error there is no such option
definePlugin({ who: Type.String() }, ({ whom }) => ({ name: whom }));
// @ts-expect-error positional options are gone
definePlugin((who: string) => ({ name: who }));
// @ts-expect-error a plugin without options takes none
definePlugin(() => ({ name: "p" }))({ who: "ana" });

const sessions = defineAuthenticator(
  { find: opaque<(id: string) => Principal | undefined>("a function"), header: withDefault(Type.String(), "x-session") },
  ({ find, header }) => authenticator({ name: "sessions", authenticate: (shown) => find(shown.header(header) ?? "") }),
);
sessions({ find: () => undefined });
// @ts-expect-error `find` is required
sessions();
// @ts-expect-error Did you mean to write 'header'?
sessions({ find: () => undefined, headr: "x" });
// @ts-expect-error the factory returns authenticator({ ... })
defineAuthenticator({ header: Type.String() }, ({ header }) => ({ name: header }));

// Commands

const input = Type.Object({ handler: Type.String(), often: Type.Optional(Type.Integer()) });
const about = { path: ["quota"], description: "Shows the quota.", input };
command({
  ...about,
  positional: ["handler"],
  run: ({ handler, often }, io) => {
    same<typeof handler, string>(true);
    same<typeof often, number | undefined>(true);
    io.show(handler);
  },
});
command({ ...about, run: () => 3 });
// @ts-expect-error there is no such input
command({ ...about, run: ({ handlr }) => void handlr });
// @ts-expect-error there is no such input to give by position
command({ ...about, positional: ["handlr"], run: () => 0 });
// @ts-expect-error an exit code is a number
command({ ...about, run: () => "done" });
// @ts-expect-error a command has input
command({ path: ["quota"], description: "Shows the quota.", run: () => 0 });
