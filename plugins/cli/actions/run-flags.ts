// Describes `quater run` and its own flags, for help texts and completion.

import type { CommandHelp, FlagHelp } from "../program/command-help.ts";

/** The flags of `quater run` that every action has, in addition to the flags of its inputs. */
export const runFlags: readonly FlagHelp[] = [
  {
    flag: "--input",
    spelled: "--input <file>",
    about: 'Read the whole input as JSON from a file; "-" reads standard input',
    takesValue: true,
  },
  { flag: "--dry-run", spelled: "--dry-run", about: "Check the call without running the handler", takesValue: false },
  { flag: "--wait", spelled: "--wait", about: "If the call needs approval, wait for the approval, then run", takesValue: false },
  { flag: "--approval", spelled: "--approval <id>", about: "Use only the approval with this id", takesValue: true },
  {
    flag: "--output",
    spelled: "--output <file>",
    about: "Write the result to a file that only you can read",
    takesValue: true,
  },
  {
    flag: "--columns",
    spelled: "--columns <names>",
    about: "Print only these fields: --columns id,customer.name",
    takesValue: true,
  },
  { flag: "--json", spelled: "--json", about: "Print JSON, also on a terminal", takesValue: false },
];

export const runHelp: readonly CommandHelp[] = [
  {
    path: ["run"],
    usage: "run <action> [flags]",
    description: "Runs an action. The flags of an action are the fields of its input; quater run <action> --help lists them.",
    flags: runFlags,
    examples: [
      ["Run an action", "quater run refundOrder --order-id ord_1 --amount-cents 500"],
      ["Check a call without running the handler", "quater run refundOrder --input refund.json --dry-run"],
    ],
    words: "actions",
  },
];
