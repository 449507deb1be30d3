// The only file of the folder `shown` that other folders import. This file exports the presentation of approval requests for
// approvers.

export { type FirstArguments, firstArgumentsLine, firstArgumentsOn, type PresentFirst } from "./first.ts";
export { type Present, presentOn } from "./present.ts";
export type { Presentation } from "./presentation.ts";
export { type ShownText, safeText, type View } from "./safe-text.ts";
export { terminalLines } from "./terminal.ts";
export { type ShownValues, unrenderableAt } from "./values.ts";
export { type ShownTime, shownTime, stateInWords } from "./words.ts";
