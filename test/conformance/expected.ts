// What the conformance suites of MCP report about Quater. Each scenario that fails is listed with the reason. A scenario that
// passes although it is listed fails the test, too, so that this list only shrinks.

const sampling = "Quater does not use sampling: revision 2026-07-28 deprecates it";
const roots = "Quater does not use roots: revision 2026-07-28 deprecates them";
const logging = "Quater sends no log messages to clients: revision 2026-07-28 deprecates them";
const form = "Quater asks no questions with forms: a form is no proof that a person answered";
const tasks = "Quater does not have the tasks extension (SEP-2663) yet";
const content = "an output of Quater is one image, and not a text, an image and a resource together";
const subscriptions =
  "over HTTP, the revisions of 2025 deliver notifications on a GET stream, which a server without sessions in memory does not have";

/** Failing scenarios, and why they fail. */
type Failing = Readonly<Record<string, string>>;

const contents: Failing = {
  "tools-call-mixed-content": content,
};

const of2025: Failing = {
  ...contents,
  "resources-subscribe": subscriptions,
  "resources-unsubscribe": subscriptions,
  "logging-set-level": logging,
  "tools-call-with-logging": logging,
  "tools-call-sampling": sampling,
  "tools-call-elicitation": form,
  "elicitation-sep1034-defaults": form,
  "elicitation-sep1330-enums": form,
};

const of2026: Failing = {
  ...contents,
  "server-stateless": `the tool test_missing_capability needs sampling; ${sampling}`,
  "input-required-result-missing-input-response": form,
  "input-required-result-ignore-extra-params": form,
  "input-required-result-basic-elicitation": form,
  "input-required-result-basic-sampling": sampling,
  "input-required-result-basic-list-roots": roots,
  "input-required-result-request-state": form,
  "input-required-result-multiple-input-requests": form,
  "input-required-result-multi-round": form,
  "input-required-result-non-tool-request": form,
  "input-required-result-result-type": form,
  "input-required-result-tampered-state": form,
  "input-required-result-capability-check": form,
  "tasks-lifecycle": tasks,
  "tasks-capability-negotiation": tasks,
  "tasks-wire-fields": tasks,
  "tasks-request-state-removal": tasks,
  "tasks-mrtr-input": tasks,
  "tasks-request-headers": tasks,
  "tasks-dispatch-and-envelope": tasks,
  "tasks-required-task-error": tasks,
  "tasks-mrtr-composition": tasks,
  "json-schema-2020-12": "Quater publishes references in the form #/$defs/name and removes $anchor",
};

export interface Suite {
  readonly name: string;
  /** The package in suites/package.json. */
  readonly program: "@modelcontextprotocol/conformance" | "conformance-next";
  readonly args: readonly string[];
  readonly scenarios: number;
  /** How many checks pass in all scenarios, also in failing ones. */
  readonly passed: number;
  readonly failing: Failing;
}

export const suites: readonly Suite[] = [
  {
    name: "0.1.16 active",
    program: "@modelcontextprotocol/conformance",
    args: [],
    scenarios: 30,
    passed: 22,
    failing: of2025,
  },
  {
    name: "0.2.0-alpha.12 for 2025-11-25",
    program: "conformance-next",
    args: ["--requirements", "2025-11-25"],
    scenarios: 33,
    passed: 60,
    failing: of2025,
  },
  {
    name: "0.2.0-alpha.12 for 2026-07-28",
    program: "conformance-next",
    args: ["--requirements", "2026-07-28"],
    scenarios: 50,
    passed: 138,
    failing: of2026,
  },
];
