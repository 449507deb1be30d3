// The style sheet of the page with the tools. The page with the tools is readable on a phone and in light and dark mode, and
// needs no scripts.

export const style = `:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #565656; --line: #c9c9c9; --ground: #fff; --card: #f6f6f4;
  --accent: #0b57a4; --warn-ink: #6b3d00; --warn: #fff3d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --soft: #b4b4b4; --line: #4a4a4a; --ground: #161616;
  --card: #212121; --accent: #8ec2ff; --warn-ink: #ffdc9a; --warn: #3d2e0d; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header, main { max-width: 60rem; margin: 0 auto; padding: .75rem 1rem; }
header { border-bottom: 1px solid var(--line); }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
h3 { font-size: 1.1rem; margin: 0; overflow-wrap: anywhere; }
p { margin: .5rem 0; }
.soft { color: var(--soft); }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
nav { margin-bottom: .75rem; }
nav ul { padding: 0; margin: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
nav a { display: inline-block; min-height: 1.75rem; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; margin: 0 0 1rem; background: var(--card); }
.mark { display: inline-block; border: 1px solid currentColor; border-radius: 1rem; padding: 0 .5rem; margin: .125rem .25rem .125rem 0; font-size: .875rem; }
.mark.warn { background: var(--warn); color: var(--warn-ink); }
dl { margin: .5rem 0; display: grid; grid-template-columns: max-content 1fr; gap: .125rem 1rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
details { margin-top: .5rem; }
summary { cursor: pointer; min-height: 1.75rem; color: var(--accent); }
pre { margin: .25rem 0 0; padding: .75rem; border: 1px solid var(--line); border-radius: .375rem; background: var(--ground); overflow-x: auto; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .375rem; } }
`;
