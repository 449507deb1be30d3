// Finds settings that an operator should check before real callers use the project. The check boots the manifest like `quater
// serve`, but does not start the kernel. Boot itself refuses wrong settings. The settings here are allowed, but may be unsafe.

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Kernel } from "../../../core/boot/kernel.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { auditRef, httpRef } from "../../offered.ts";
import type { Paint } from "../output/terminal.ts";

export interface Finding {
  /** `fix`: do not serve with this setting. `note`: the setting may be intended. */
  readonly level: "fix" | "note";
  readonly cause: string;
  readonly remedy: string;
}

export const findingsOf = (kernel: Kernel): readonly Finding[] => [
  ...recording(kernel),
  ...attestation(kernel),
  ...agreement(kernel),
  ...openness(kernel),
  ...files(kernel.project.root),
];

const named = (operations: readonly Operation[]): string => operations.map(({ name }) => name).join(", ");

const finding = (level: Finding["level"], cause: string, remedy: string): Finding => ({ level, cause, remedy });

const recording = ({ catalog, plugins }: Kernel): Finding[] => {
  const changing = catalog.operations.filter(({ handler }) => handler.effect !== "read");
  if (changing.length === 0 || plugins.some(({ name }) => name === "audit")) return [];
  return [finding("fix", `Quater does not record the calls of ${named(changing)}`, "Add store() and audit() to plugins")];
};

/** Reports that no sink can be read back. Without such a sink, nobody notices a store that was set back. */
const attestation = ({ services }: Kernel): Finding[] => {
  const sinks = services.find(auditRef)?.sinks;
  if (sinks === undefined || sinks.files.length > 0) return [];
  const cause = sinks.hasStdout
    ? "The only sink of audit() is stdout, which cannot be read back, so Quater cannot notice when the store is replaced by an old copy"
    : "audit() has no sinks, so Quater cannot notice when the store is replaced by an old copy";
  return [finding("note", cause, 'Add a file on another disk: audit({ sinks: [{ file: "/var/log/shop/checkpoints.jsonl" }] })')];
};

/** Reports surfaces whose callers are all agents, because calls over them were not typed by a person. */
const agreement = ({ catalog }: Kernel): Finding[] => {
  const alone = catalog.operations.filter(
    ({ handler, surfaces, needsApproval }) => handler.effect === "destructive" && surfaces.has("mcp") && !needsApproval,
  );
  if (alone.length === 0) return [];
  const cause = `Agents can run ${named(alone)} without an approval, although the effect is destructive`;
  return [finding("fix", cause, 'Add approval: "..." to the exposure of the handler, or remove mcp from the exposure')];
};

const openness = ({ catalog, services }: Kernel): Finding[] => {
  const open = catalog.operations.filter(({ isPublic }) => isPublic);
  const anybody = catalog.operations.filter(
    ({ policy, handler, isPublic }) =>
      !isPublic && handler.effect !== "read" && !policy.needsInput && policy.scopes.length + policy.roles.length === 0,
  );
  const mounted = services.find(httpRef)?.mounted ?? [];
  return [
    ...(open.length === 0
      ? []
      : [finding("note", `Public: ${named(open)}`, "Anybody can call these handlers without a credential")]),
    ...(anybody.length === 0
      ? []
      : [
          finding(
            "note",
            `Every valid credential can call ${named(anybody)}`,
            'Require a scope or a role in auth of the handler: can("...") or hasRole("...")',
          ),
        ]),
    ...(mounted.length === 0
      ? []
      : [
          finding(
            "note",
            `These routes are mounted without a handler: ${mounted.join(", ")}`,
            "Protect these routes in the middleware, because no policy of a handler applies to them",
          ),
        ]),
    ...(catalog.declared.length === 0
      ? []
      : [
          finding(
            "note",
            `Not exposed: ${catalog.declared.map(({ name }) => name).join(", ")}`,
            "If callers need these handlers, add an exposure for each handler to the manifest",
          ),
        ]),
  ];
};

const secretFiles = /^(?:.*keys?(?:\.json)?|development-key)$/;

/** Reports secret files that other users of this computer can read. Windows has other permissions, which are not checked. */
const files = (root: string): Finding[] => {
  if (process.platform === "win32") return [];
  const own = join(root, ".quater");
  const kept = existsSync(own) ? readdirSync(own).filter((name) => secretFiles.test(name)) : [];
  const readable = [".env", ...kept.map((name) => join(".quater", name))].filter((name) => {
    const stats = statSync(join(root, name), { throwIfNoEntry: false });
    return stats?.isFile() === true && (stats.mode & 0o077) !== 0;
  });
  if (readable.length === 0) return [];
  return [finding("fix", `Other users of this machine can read ${readable.join(", ")}`, `Run chmod 600 ${readable.join(" ")}`)];
};

/**
 * Returns the report for a terminal, without control characters.
 *
 * @param bootOrder  The names of the plugins in boot order.
 */
export const findingsText = (findings: readonly Finding[], bootOrder: readonly string[], paint: Paint): string => {
  const part = (level: Finding["level"], heading: string) => {
    const found = findings.filter((each) => each.level === level);
    const lines = found.map(({ cause, remedy }) => `  ${visible(cause)}\n    ${paint("dim", visible(remedy))}\n`);
    return found.length === 0 ? "" : `${paint("bold", heading)}\n${lines.join("")}\n`;
  };
  const fixes = findings.filter(({ level }) => level === "fix").length;
  const verdict =
    fixes === 0 ? "Nothing to fix." : `${fixes} ${fixes === 1 ? "problem" : "problems"} to fix before the project is served.`;
  const order = `Plugins start in this order and stop in reverse order: ${bootOrder.map(visible).join(", ") || "none"}`;
  return `${part("fix", "To fix")}${part("note", "To know")}${order}\n${verdict}\nquater check --gate tests the access checks of every handler.\n`;
};
