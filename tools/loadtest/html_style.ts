/**
 * The style of the report.
 *
 * @module
 */

/** CSS, put into the report as it is. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --page: #f5f6f8; --card: #fff; --ink: #1b2230; --dim: #667085; --line: #e3e6ec;
  --blue: #2563eb; --amber: #d97706; --red: #dc2626; --green: #059669; --violet: #7c3aed; --band: #2563eb0f; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0e131b; --card: #161d28; --ink: #e6eaf2; --dim: #93a0b5; --line: #263041;
    --blue: #60a5fa; --amber: #fbbf24; --red: #f87171; --green: #34d399; --violet: #a78bfa; --band: #60a5fa14; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1360px; margin: 0 auto; padding: 32px 24px 64px; }
header { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 8px 24px; margin-bottom: 24px; }
header > div { flex: 1 1 420px; }
h1 { margin: 0; font-size: 26px; letter-spacing: -.01em; }
h1 small { color: var(--dim); font-weight: 400; }
h2 { margin: 0 0 12px; font-size: 16px; }
p { margin: 4px 0 0; color: var(--dim); }
.pills { display: flex; flex-wrap: wrap; gap: 8px; flex: 0 1 auto; }
.pill { padding: 5px 14px; border-radius: 999px; font-weight: 600; border: 1px solid currentColor; }
.good { color: var(--green); } .bad { color: var(--red); } .plain { color: var(--dim); }
.doubt { border-left: 4px solid var(--amber); background: var(--card); border-radius: 8px; padding: 12px 16px;
  margin: 0 0 20px; color: var(--ink); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 12px; margin-bottom: 20px; }
.tile, figure, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 14px 16px; }
.tile b { display: block; font-size: 25px; line-height: 1.25; font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.tile b small { font-size: 14px; color: var(--dim); font-weight: 400; letter-spacing: 0; }
.tile span { color: var(--dim); font-size: 13px; }
.grid2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 16px; margin-bottom: 16px; }
figure { margin: 0; padding: 14px 16px 6px; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: baseline; font-weight: 600; }
figcaption small { color: var(--dim); font-weight: 400; }
.legend { margin-left: auto; display: flex; gap: 14px; font-weight: 400; font-size: 13px; }
.legend span { color: var(--dim); }
.legend span::before { content: ""; display: inline-block; width: 14px; height: 3px; border-radius: 2px;
  background: var(--c); margin-right: 6px; vertical-align: middle; }
svg { display: block; width: 100%; height: auto; margin-top: 4px; }
.l1 { --c: var(--blue); } .l2 { --c: var(--amber); } .l3 { --c: var(--red); } .l4 { --c: var(--green); } .l5 { --c: var(--violet); }
.line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.area { fill: var(--c); opacity: .1; }
.tip { fill: var(--c); opacity: 0; } .tip:hover { opacity: 1; }
line.grid { stroke: var(--line); stroke-width: 1; }
.tick, .bandname { fill: var(--dim); font-size: 12px; font-family: inherit; }
.band { fill: var(--band); } .bandname { font-size: 11px; }
section { padding: 16px; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--dim); font-weight: 500; font-size: 13px; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.words { white-space: normal; text-align: left; }
tr:last-child td { border-bottom: 0; }
tr.sub td:first-child { padding-left: 16px; color: var(--dim); }
footer { color: var(--dim); font-size: 13px; margin-top: 20px; }
@media print { body { background: #fff; } figure, section, .tile { break-inside: avoid; } }
`;
