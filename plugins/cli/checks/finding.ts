// The codes of all findings of `quater check`. The page docs/reference/checks.md lists the same codes. A test compares that page
// with this file.

/**
 * The level of a finding. `fix`: the setting is unsafe for serving. `note`: the author of the manifest may intend the setting.
 */
export type Level = "fix" | "note";

export const checks = {
  unrecorded_writes: "fix",
  no_sink: "fix",
  unapproved_tool: "fix",
  public_write: "fix",
  no_allowed_hosts: "fix",
  wrong_public_url: "fix",
  no_approver: "fix",
  one_person_approves: "fix",
  no_key: "fix",
  readable_secrets: "fix",
  readable_manifest: "note",
  public_read: "note",
  any_credential: "note",
  mounted_routes: "note",
  not_exposed: "note",
  unused_acceptance: "note",
} as const satisfies Record<string, Level>;

export type CheckCode = keyof typeof checks;

export interface Finding {
  readonly code: CheckCode;
  readonly level: Level;
  readonly cause: string;
  readonly remedy: string;
  /** The reason for which the manifest accepts the finding; `null` if the manifest does not accept the finding. */
  readonly accepted: string | null;
}

export const finding = (code: CheckCode, cause: string, remedy: string): Finding => ({
  code,
  level: checks[code],
  cause,
  remedy,
  accepted: null,
});

/** Whether the operator must correct the finding before serving the project. */
export const isOpen = ({ level, accepted }: Finding): boolean => level === "fix" && accepted === null;
