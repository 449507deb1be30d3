// Finds settings that an operator should check before real callers use the project. Boot refuses settings that are wrong. This
// file reports settings that boot allows, but that may be unsafe. The check boots the manifest, but does not start the kernel.

import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Kernel } from "../../../core/boot/kernel.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import { asAuthenticator } from "../../../core/model/authenticator.ts";
import { loopbackHosts } from "../../../core/model/loopback.ts";
import type { BootProblem, Operation } from "../../../core/plugin-api.ts";
import { acceptedRef, approvalsRef, auditRef, httpRef } from "../../offered.ts";
import type { Paint } from "../output/terminal.ts";
import { withReasons } from "./accepting.ts";
import { approving } from "./approving.ts";
import { type Finding, finding, isOpen } from "./finding.ts";

/** Returns all findings of a project, with the reasons for which the manifest accepts findings. */
export const findingsOf = (kernel: Kernel, manifestFile?: string): readonly Finding[] =>
  withReasons(
    [
      ...recording(kernel),
      ...attestation(kernel),
      ...agreement(kernel),
      ...openness(kernel),
      ...addresses(kernel),
      ...approving(kernel),
      ...doors(kernel),
      ...files(kernel.project.root, manifestFile),
    ],
    kernel.services.find(acceptedRef) ?? {},
  );

const named = (operations: readonly Operation[]): string => operations.map(({ name }) => name).join(", ");

const recording = ({ catalog, plugins }: Kernel): Finding[] => {
  const changing = catalog.operations.filter(({ handler }) => handler.effect !== "read");
  if (changing.length === 0 || plugins.some(({ name }) => name === "audit")) return [];
  return [
    finding("unrecorded_writes", `Quater does not record the calls of ${named(changing)}`, "Add store() and audit() to plugins"),
  ];
};

/**
 * Reports a project without a sink that Quater can read. Without such a sink, nobody notices that an old copy replaced the store.
 */
const attestation = ({ services }: Kernel): Finding[] => {
  const sinks = services.find(auditRef)?.sinks;
  if (sinks === undefined || sinks.files.length > 0) return [];
  const cause = sinks.hasStdout
    ? "The only sink of audit() is stdout, which cannot be read back, so Quater cannot notice when the store is replaced by an old copy"
    : "audit() has no sinks, so Quater cannot notice when the store is replaced by an old copy";
  return [
    finding("no_sink", cause, 'Add a file on another disk: audit({ sinks: [{ file: "/var/log/shop/checkpoints.jsonl" }] })'),
  ];
};

/** Reports destructive handlers that agents can run over mcp without an approval, because no person types these calls. */
const agreement = ({ catalog }: Kernel): Finding[] => {
  const alone = catalog.operations.filter(
    ({ handler, surfaces, needsApproval }) => handler.effect === "destructive" && surfaces.has("mcp") && !needsApproval,
  );
  if (alone.length === 0) return [];
  const cause = `Agents can run ${named(alone)} without an approval, although the effect is destructive`;
  return [
    finding("unapproved_tool", cause, 'Add approval: "..." to the exposure of the handler, or remove mcp from the exposure'),
  ];
};

const openness = ({ catalog, services }: Kernel): Finding[] => {
  const open = catalog.operations.filter(({ isPublic, handler }) => isPublic && handler.effect === "read");
  const writing = catalog.operations.filter(({ isPublic, handler }) => isPublic && handler.effect !== "read");
  const anybody = catalog.operations.filter(
    ({ policy, handler, isPublic }) =>
      !isPublic && handler.effect !== "read" && !policy.needsInput && policy.scopes.length + policy.roles.length === 0,
  );
  const mounted = services.find(httpRef)?.mounted ?? [];
  return [
    ...(writing.length === 0
      ? []
      : [
          finding(
            "public_write",
            `Anybody can change data without a credential, with ${named(writing)}`,
            "Remove public: true from the exposure, and require a credential in auth of the handler",
          ),
        ]),
    ...(open.length === 0
      ? []
      : [finding("public_read", `Public: ${named(open)}`, "Anybody can call these handlers without a credential")]),
    ...(anybody.length === 0
      ? []
      : [
          finding(
            "any_credential",
            `Every valid credential can call ${named(anybody)}`,
            'Require a scope or a role in auth of the handler: can("...") or hasRole("...")',
          ),
        ]),
    ...(mounted.length === 0
      ? []
      : [
          finding(
            "mounted_routes",
            `These routes are mounted without a handler: ${mounted.join(", ")}`,
            "Protect these routes in the middleware, because no policy of a handler applies to them",
          ),
        ]),
    ...(catalog.declared.length === 0
      ? []
      : [
          finding(
            "not_exposed",
            `Not exposed: ${catalog.declared.map(({ name }) => name).join(", ")}`,
            "If callers need these handlers, add an exposure for each handler to the manifest",
          ),
        ]),
  ];
};

const secretFiles = /^(?:.*keys?(?:\.json)?|development-key)$/;

/** Reports addresses of the HTTP server that callers or approvers cannot reach. */
const addresses = ({ services }: Kernel): Finding[] => {
  const http = services.find(httpRef);
  if (http === undefined || http.bound.isLoopback) return [];
  const { host, allowedHosts } = http.bound;
  const isOwn = (name: string) => loopbackHosts.includes(name.toLowerCase());
  const links = services.find(approvalsRef) === undefined ? undefined : (services.find(approvalsRef)?.urlOf("") ?? "");
  const linked = links !== undefined && URL.canParse(links) ? new URL(links).hostname : links;
  return [
    ...(allowedHosts.every(isOwn)
      ? [
          finding(
            "no_allowed_hosts",
            `http() listens on ${host}, but allowedHosts has only names of this computer, so every other caller is refused`,
            'Add the host name that callers use: http({ allowedHosts: ["shop.example"] })',
          ),
        ]
      : []),
    ...(http.publicUrl !== undefined && isOwn(new URL(http.publicUrl).hostname)
      ? [
          finding(
            "wrong_public_url",
            `http() listens on ${host}, but publicUrl is ${http.publicUrl}, which leads to the computer of the reader`,
            'Write the origin that callers use: http({ publicUrl: "https://shop.example" })',
          ),
        ]
      : linked !== undefined && (linked === "" || isOwn(linked))
        ? [
            finding(
              "wrong_public_url",
              `http() listens on ${host}, but no publicUrl names the origin of the approvals page, so links to approval requests do not work`,
              'Write the origin that approvers open: http({ publicUrl: "https://shop.example" })',
            ),
          ]
        : []),
  ];
};

/** Reports surfaces that accept only keys, and for which the project has no working key. */
const doors = ({ plugins, catalog }: Kernel): Finding[] => {
  const closed = plugins.flatMap(({ surface }) => {
    const isNeeded = catalog.operations.some(({ surfaces, isPublic }) => surface && surfaces.has(surface.name) && !isPublic);
    if (surface?.authenticate === undefined || !isNeeded) return [];
    const list = asAuthenticator(surface.authenticate).listed?.();
    const isEmpty = list !== undefined && list.others.length === 0 && list.unclear === undefined;
    return isEmpty && list.known.every(({ refused }) => refused !== undefined) ? [surface.name] : [];
  });
  if (closed.length === 0) return [];
  const cause = `There is no active key, so every call over ${closed.join(", ")} that needs a credential is refused`;
  return [finding("no_key", cause, "Create a key: quater keys create --name <name>")];
};

/** Reports secret files that other users of this computer can read. Quater checks no permissions on Windows. */
const files = (root: string, manifestFile: string | undefined): Finding[] => {
  if (process.platform === "win32") return [];
  const isReadable = (file: string) => {
    const stats = statSync(file, { throwIfNoEntry: false });
    return stats?.isFile() === true && (stats.mode & 0o077) !== 0;
  };
  const own = join(root, ".quater");
  const kept = existsSync(own) ? readdirSync(own).filter((name) => secretFiles.test(name)) : [];
  const readable = [".env", ...kept.map((name) => join(".quater", name))].filter((name) => isReadable(join(root, name)));
  const manifest = manifestFile !== undefined && isReadable(manifestFile) ? basename(manifestFile) : undefined;
  return [
    ...(readable.length === 0
      ? []
      : [
          finding(
            "readable_secrets",
            `Other users of this machine can read ${readable.join(", ")}`,
            `Run chmod 600 ${readable.join(" ")}`,
          ),
        ]),
    ...(manifest === undefined
      ? []
      : [
          finding(
            "readable_manifest",
            `Other users of this machine can read ${manifest}`,
            `Keep secrets in environment variables and not in ${manifest}, or run chmod 600 ${manifest}`,
          ),
        ]),
  ];
};

/**
 * Returns the report of `quater check` for a terminal, without control characters.
 *
 * @param bootOrder  The names of the plugins in boot order.
 */
export const findingsText = (findings: readonly Finding[], bootOrder: readonly string[], paint: Paint): string => {
  const part = (found: readonly Finding[], heading: string) => {
    const lines = found.map(
      ({ code, cause, remedy, accepted }) =>
        `  ${code}: ${visible(cause)}\n    ${paint("dim", visible(accepted === null ? remedy : `accepted: ${accepted}`))}\n`,
    );
    return found.length === 0 ? "" : `${paint("bold", heading)}\n${lines.join("")}\n`;
  };
  const open = findings.filter(isOpen);
  const accepted = findings.filter((each) => each.accepted !== null);
  const notes = findings.filter((each) => each.level === "note" && each.accepted === null);
  const verdict =
    open.length === 0
      ? "Nothing to fix."
      : `${open.length} ${open.length === 1 ? "problem" : "problems"} to fix before the project is served.`;
  const order = `Plugins start in this order and stop in reverse order: ${bootOrder.map(visible).join(", ") || "none"}`;
  return `${part(open, "To fix")}${part(notes, "To know")}${part(accepted, "Accepted")}${order}\n${verdict}\nquater check --gate tests the access checks of every handler.\n`;
};

/** Returns the boot problems that stop `quater serve` if other computers can reach the HTTP server. */
export const servingProblems = (kernel: Kernel, manifestFile: string): readonly BootProblem[] =>
  kernel.services.find(httpRef)?.bound.isLoopback === false
    ? findingsOf(kernel, manifestFile)
        .filter(isOpen)
        .map(({ code, cause, remedy }) => ({
          place: `quater check: ${code}`,
          cause,
          remedy: `${remedy}. Or accept the finding: cli({ accept: { ${code}: "<reason>" } })`,
        }))
    : [];
