// The codes of all findings of `quater check`. docs/reference/checks.md lists the same codes, and a test compares that page with this
// file.

/** `fix`: do not serve with this setting. `note`: the setting may be intended. */
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
  /** The reason why the manifest accepts the finding; `null` if it does not. */
  readonly accepted: string | null;
}

export const finding = (code: CheckCode, cause: string, remedy: string): Finding => ({
  code,
  level: checks[code],
  cause,
  remedy,
  accepted: null,
});

/** Whether the project must not be served with this finding. */
export const isOpen = ({ level, accepted }: Finding): boolean => level === "fix" && accepted === null;
