// Finds unusual properties of a text that people are asked to approve. Quater allows texts with unusual properties, but the
// approvals page shows a warning that people must check twice.

import { hasUnseen } from "./unseen.ts";

/** Returns the warnings about a text, in the order in which the approvals page shows the warnings. */
export const warningsOf = (text: string): readonly string[] => {
  const warnings: string[] = [];
  if (hasUnseen(text)) warnings.push("has invisible characters, shown as \\u{…}");
  const scripts = mixedScripts(text);
  if (scripts !== undefined) warnings.push(`mixes ${scripts} in one word`);
  if (/(?![0-9])\p{Nd}/u.test(text)) warnings.push("has digits other than 0 to 9");
  if (text !== text.normalize("NFC")) warnings.push("is not in the usual Unicode form (NFC)");
  if (/\p{M}{4}/u.test(text)) warnings.push("has marks stacked on a letter");
  if (/^\s|\s$/u.test(text)) warnings.push("begins or ends with a space");
  if (text.includes("  ")) warnings.push("has several spaces in a row");
  if (text.includes("\\")) warnings.push("has backslashes, each shown twice");
  return warnings;
};

// The scripts in everyday use (UAX 31, table 5). All other scripts count together as one script.
const scripts = [
  "Arabic",
  "Armenian",
  "Bengali",
  "Bopomofo",
  "Cherokee",
  "Coptic",
  "Cyrillic",
  "Devanagari",
  "Ethiopic",
  "Georgian",
  "Greek",
  "Gujarati",
  "Gurmukhi",
  "Han",
  "Hangul",
  "Hebrew",
  "Hiragana",
  "Kannada",
  "Katakana",
  "Khmer",
  "Lao",
  "Latin",
  "Malayalam",
  "Myanmar",
  "Oriya",
  "Sinhala",
  "Tamil",
  "Telugu",
  "Thaana",
  "Thai",
  "Tibetan",
].map((name) => ({ name, holds: new RegExp(`^\\p{Script_Extensions=${name}}$`, "u") }));
const anyScript = /^[\p{Script=Common}\p{Script=Inherited}]$/u;

/** Scripts that are normally written together (UTS 39 section 5.1). */
const writtenTogether = [
  new Set(["Han", "Hiragana", "Katakana"]),
  new Set(["Han", "Bopomofo"]),
  new Set(["Han", "Hangul"]),
] as const;

const known = new Map<string, readonly string[]>();

/** Returns the scripts of a character; an empty list for a character of all scripts, such as a digit. */
const scriptsOf = (character: string): readonly string[] => {
  const before = known.get(character);
  if (before !== undefined) return before;
  const named = scripts.filter(({ holds }) => holds.test(character)).map(({ name }) => name);
  const found = named.length > 0 ? named : anyScript.test(character) ? [] : ["another script"];
  // Limit the size of the cache `known`, because texts may contain any of a million characters.
  if (known.size < 10_000) known.set(character, found);
  return found;
};

/**
 * Returns the scripts of the first word of a text that mixes scripts: `Cyrillic and Latin`. Format characters do not end a word.
 */
const mixedScripts = (text: string): string | undefined => {
  for (const [word] of text.matchAll(/[\p{L}\p{M}\p{N}\p{Cf}]+/gu)) {
    if (/^\p{ASCII}*$/u.test(word)) continue;
    const used = [...word].map(scriptsOf).filter((names) => names.length > 0);
    const canWrite = (script: string) => used.every((names) => names.includes(script));
    const first = used[0] ?? [];
    if (used.length === 0 || first.some(canWrite)) continue;
    if (writtenTogether.some((together) => used.every((names) => names.some((name) => together.has(name))))) continue;
    return [...new Set(used.map((names) => names[0] ?? ""))].sort().join(" and ");
  }
  return undefined;
};
