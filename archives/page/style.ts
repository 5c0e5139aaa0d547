/** Supports small screens, dark mode and printing. Fonts and images are not used, so the page loads no other file. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --ink: #23272b; --soft: #626a70; --line: #e3e0d8; --mark: #2c6152; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16191b; --card: #1e2225; --ink: #e4e3de; --soft: #9ba3a8; --line: #33393d; --mark: #8cc7b3; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 58rem; margin: 0 auto; padding: 4rem 1.5rem 5rem; }
h1, h2, h3 { font-family: Charter, "Bitstream Charter", "Iowan Old Style", Georgia, serif; font-weight: 600; line-height: 1.25; text-wrap: balance; margin: 0; }
h1 { font-size: 2.6rem; letter-spacing: -0.01em; }
h2 { font-size: 1.6rem; margin: 3.5rem 0 0.75rem; }
h3 { font-size: 1.25rem; }
p { margin: 0.5rem 0; max-width: 42rem; }
.lead { font-size: 1.15rem; color: var(--soft); margin-top: 0.75rem; }
a { color: var(--mark); text-underline-offset: 0.15em; }
a:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--mark); outline-offset: 3px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 1.25rem 2rem; margin: 2.25rem 0 0; padding: 1.5rem 0; border-block: 1px solid var(--line); }
.facts dt { font-size: 0.85rem; color: var(--soft); }
.facts dd { margin: 0; }
.facts > :last-child { grid-column: 1 / -1; }
time { white-space: nowrap; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; padding: 1.5rem; margin: 1.25rem 0; }
section > :first-child { margin-top: 0; }
.where { font-size: 0.875rem; color: var(--soft); }
.where code { color: inherit; }
code { font: 0.9em ui-monospace, monospace; }
.scroll { overflow-x: auto; margin: 1rem 0 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.9375rem; font-variant-numeric: tabular-nums; }
caption { text-align: start; font-size: 0.875rem; color: var(--soft); padding-bottom: 0.35rem; }
th, td { text-align: start; vertical-align: top; padding: 0.5rem 0.75rem 0.5rem 0; border-top: 1px solid var(--line); }
th { font-weight: 600; }
.scroll th { overflow-wrap: break-word; }
thead th { border-top: 0; font-size: 0.85rem; color: var(--soft); }
td, .rows th { min-width: 6rem; }
.number { text-align: end; white-space: nowrap; padding-right: 0; }
th small { display: block; font-weight: 400; color: var(--soft); }
.rows td, .entry td { white-space: pre-wrap; unicode-bidi: plaintext; }
.entry { margin-top: 1.25rem; }
.entry th { width: 30%; color: var(--soft); font-weight: 400; }
.none { color: var(--soft); }
td ul, td dl { margin: 0; white-space: normal; }
td ul { padding-inline-start: 1.1rem; }
td dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 0.75rem; }
td dt { color: var(--soft); }
td dd { margin: 0; white-space: pre-wrap; }
.plain { padding-inline-start: 1.2rem; max-width: 42rem; }
.plain li { margin: 0.35rem 0; }
footer { margin-top: 4rem; padding-top: 1.25rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.875rem; }
@media (max-width: 40rem) {
  main { padding: 2rem 1rem 3rem; }
  h1 { font-size: 2rem; }
  section { padding: 1rem; border-radius: 0.5rem; }
  td dl { display: block; }
  td dd { padding-inline-start: 0.75rem; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --mark: #000; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  section { border: 0; border-radius: 0; padding: 0; margin: 1.5rem 0; }
  .scroll { overflow: visible; }
  tr, h2, h3, caption { break-inside: avoid; break-after: avoid; }
  tr { break-after: auto; }
  thead { display: table-header-group; }
}
`;
