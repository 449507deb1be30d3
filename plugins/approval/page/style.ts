// The style sheet of the approvals page. People can read the page on a phone, in light and dark mode, and without scripts.

export const style = `:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #565656; --line: #c9c9c9; --ground: #fff; --card: #f6f6f4;
  --accent: #0b57a4; --yes: #136b2f; --no: #a3201b; --warn-ink: #6b3d00; --warn: #fff3d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --soft: #b4b4b4; --line: #4a4a4a; --ground: #161616;
  --card: #212121; --accent: #8ec2ff; --yes: #1b7c3a; --no: #bb3129; --warn-ink: #ffdc9a; --warn: #3d2e0d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 46rem; margin: 0 auto; padding: .75rem 1rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between; border-bottom: 1px solid var(--line); }
header p, header form { margin: 0; }
footer { color: var(--soft); font-size: .875rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
.soft { color: var(--soft); }
.state { display: inline-block; padding: 0 .5rem; border: 1px solid currentColor; border-radius: 1rem; font-size: .875rem; white-space: nowrap; }
ul.requests { list-style: none; padding: 0; margin: 0; }
ul.requests li { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; margin: 0 0 .75rem; background: var(--card); }
ul.requests a { display: inline-block; font-weight: 600; min-height: 1.75rem; }
.first { font-size: .9375rem; overflow-wrap: anywhere; }
.first > span { margin-right: .75rem; }
.filter { margin: .75rem 0; }
.filter summary { min-height: 1.75rem; color: var(--accent); cursor: pointer; }
.filter form { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 0 1rem; padding-top: .5rem; }
.filter p { grid-column: 1 / -1; margin: 0; }
dl { margin: 0; }
dt { color: var(--soft); font-size: .875rem; margin-top: .5rem; overflow-wrap: anywhere; }
dd { margin: 0; overflow-wrap: anywhere; }
dl.values { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .25rem .75rem .75rem; }
.value, code { font-family: ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.value { display: block; }
.value.inline { display: inline; }
.purpose .value { font-family: inherit; }
.warning { display: inline-block; background: var(--warn); color: var(--warn-ink); border-radius: .25rem; padding: 0 .375rem; margin: .125rem .25rem .125rem 0; font-size: .875rem; overflow-wrap: anywhere; }
.note { border-left: 4px solid var(--accent); padding: .25rem .75rem; margin: 1rem 0; background: var(--card); }
.note.refused { border-color: var(--no); }
form.card { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; margin: 0 0 1rem; }
label { display: block; margin-bottom: .25rem; }
input, select { font: inherit; width: 100%; padding: .625rem; border: 1px solid var(--soft); border-radius: .375rem; background: var(--ground); color: var(--ink); margin-bottom: .75rem; }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1.25rem; border-radius: .375rem; border: 1px solid var(--accent); background: var(--ground); color: var(--accent); cursor: pointer; }
button.yes { background: var(--yes); border-color: var(--yes); color: #fff; }
button.no { background: var(--no); border-color: var(--no); color: #fff; }
form.card button { width: 100%; }
`;
