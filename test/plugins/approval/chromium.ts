// A real browser for the tests of the page: QUATER_TEST_CHROMIUM, or the system's Chromium. If there is no browser, the reason
// is printed, and with QUATER_TEST_REQUIRE_ALL=1 it is a failure.

import { execFileSync } from "node:child_process";
import type { Browser } from "playwright-core";

/** @returns A reason if there is no browser. */
export const testBrowser = async (): Promise<Browser | string> => {
  try {
    const { chromium } = await import("playwright-core");
    // As root, and in containers without user namespaces, its own sandbox cannot be made.
    return await chromium.launch({ executablePath: executable(), args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  } catch (error) {
    const reason = `no Chromium: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`;
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw new Error(reason);
    process.stderr.write(`Skipped, ${reason}\n`);
    return reason;
  }
};

const executable = (): string => {
  const given = process.env["QUATER_TEST_CHROMIUM"];
  if (given !== undefined) return given;
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
    } catch {
      // the next name
    }
  }
  throw new Error("no chromium in PATH, and QUATER_TEST_CHROMIUM is not set");
};

/** A phone: small, touched, and without scripts. */
export const phone = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  javaScriptEnabled: false,
} as const;
