#include "server/pages/assets.h"

namespace silverback::server::pages {

namespace {

constexpr std::string_view kStylesheet = R"css(
:root {
  --paper: #f5f6f8; --card: #ffffff; --ink: #1f2933; --soft: #66727f; --line: #dde2e8;
  --brand: #2f4b66; --brand-ink: #ffffff; --accent: #2669c4; --field: #ffffff; --stripe: #f8f9fb;
  --good: #1b7f4b; --good-bg: #e1f5ea; --bad: #b3261e; --bad-bg: #fdeae8;
  --warn: #8a5a00; --warn-bg: #fff3d6; --info: #1d5fa8; --info-bg: #e5f0fc; --plain-bg: #e9ecf0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --card: #1c2229; --ink: #dde3ea; --soft: #93a0ad; --line: #303943;
    --brand: #22303e; --brand-ink: #e8eef4; --accent: #7db1f5; --field: #14181d; --stripe: #20272f;
    --good: #6fd39d; --good-bg: #17352a; --bad: #ff9b93; --bad-bg: #43201f;
    --warn: #f0c36a; --warn-bg: #3d3116; --info: #8fc0fb; --info-bg: #1b3048; --plain-bg: #2c353f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.top {
  display: flex; flex-wrap: wrap; align-items: center; gap: 4px 22px; padding: 9px 22px;
  background: var(--brand); color: var(--brand-ink);
}
.top .brand { font-weight: 650; font-size: 17px; color: inherit; letter-spacing: .01em; }
.top nav { display: flex; flex-wrap: wrap; gap: 2px; }
.top nav a {
  color: inherit; opacity: .82; padding: 4px 10px; border-radius: 6px; white-space: nowrap;
}
.top nav a:hover { opacity: 1; background: rgba(255, 255, 255, .1); text-decoration: none; }
.top nav a[aria-current] { opacity: 1; background: rgba(255, 255, 255, .18); }
main { max-width: 1500px; margin: 0 auto; padding: 20px 22px 30px; }
footer { padding: 0 22px 22px; color: var(--soft); font-size: 13px; text-align: center; }
h1 { font-size: 21px; font-weight: 620; margin: 2px 0 14px; }
h2 { font-size: 16px; font-weight: 620; margin: 0; }
h3 { font-size: 14px; font-weight: 620; margin: 14px 0 6px; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 16px; margin: 0 0 16px; box-shadow: 0 1px 2px rgba(10, 20, 30, .05);
}
.center { text-align: center; padding: 60px 20px; }
.bar { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; }
.bar .push { margin-left: auto; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
form.bar { margin-bottom: 14px; }
label { display: inline-flex; align-items: center; gap: 6px; color: var(--soft); font-size: 13px; }
input, select, textarea, button, .button {
  font: inherit; font-size: 14px; color: var(--ink); background: var(--field);
  border: 1px solid var(--line); border-radius: 7px; padding: 5px 9px;
}
input[type=search] { min-width: 240px; }
input.short { width: 8em; }
input.time { width: 13em; }
.expr {
  flex: 1 1 300px; min-width: 0; padding: 8px 11px; font-size: 15px;
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
textarea.expr { resize: vertical; }
button, .button { cursor: pointer; background: var(--plain-bg); display: inline-block; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--card); font-weight: 600; padding: 8px 16px; }
button:hover, .button:hover { filter: brightness(.96); text-decoration: none; }
.button[aria-disabled] { opacity: .45; }
.group { display: inline-flex; align-items: center; gap: 4px; }
.tabs { display: flex; gap: 4px; border-bottom: 1px solid var(--line); margin: 12px 0; }
.tabs a { padding: 6px 14px; color: var(--soft); border-bottom: 2px solid transparent; margin-bottom: -1px; }
.tabs a:hover { text-decoration: none; color: var(--ink); }
.tabs a[aria-current] { color: var(--ink); border-color: var(--accent); font-weight: 600; }
.note { margin: 8px 0; padding: 8px 12px; border-radius: 7px; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--plain-bg); }
.note.bad { background: var(--bad-bg); color: var(--bad); }
.note.warn { background: var(--warn-bg); color: var(--warn); }
.note.info { background: var(--info-bg); color: var(--info); }
.note.good { background: var(--good-bg); color: var(--good); }
.badge {
  display: inline-block; padding: 0 9px; border-radius: 20px; font-size: 12.5px; font-weight: 600;
  line-height: 21px; background: var(--plain-bg); color: var(--soft); white-space: nowrap;
}
.badge.good { background: var(--good-bg); color: var(--good); }
.badge.bad { background: var(--bad-bg); color: var(--bad); }
.badge.warn { background: var(--warn-bg); color: var(--warn); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 6px 10px; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; font-size: 13px; }
tbody tr:nth-child(even) { background: var(--stripe); }
tbody tr:last-child > * { border-bottom: 0; }
td.value, th.value { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.points { white-space: pre; text-align: right; font-variant-numeric: tabular-nums; }
td.nowrap { white-space: nowrap; }
table.facts th { width: 22em; font-weight: 500; color: var(--soft); }
table.facts td { overflow-wrap: anywhere; }
.labels { overflow-wrap: anywhere; }
.label {
  display: inline-block; background: var(--plain-bg); border-radius: 5px; padding: 0 6px;
  margin: 1px 4px 1px 0; font-size: 13px;
}
.label i { font-style: normal; color: var(--accent); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13.5px; }
pre { margin: 0; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.plain { white-space: pre; }
a code { color: inherit; }
.error { color: var(--bad); overflow-wrap: anywhere; }
details > summary { cursor: pointer; padding: 2px 0; }
details.card > summary { font-weight: 600; }
details.card[open] > summary { margin-bottom: 10px; }
summary .badge, summary .soft { font-weight: 400; }
summary .badge { font-weight: 600; margin-left: 6px; }
svg.graph { display: block; width: 100%; height: auto; }
svg.graph text { fill: var(--soft); font-size: 11px; }
svg.graph .grid { stroke: var(--line); stroke-width: 1; }
svg.graph .axis { stroke: var(--soft); stroke-width: 1; }
svg.graph .line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
svg.graph .area { stroke-width: 1; fill-opacity: .55; }
.legend { list-style: none; margin: 10px 0 0; padding: 0; font-size: 13.5px; max-height: 24em; overflow-y: auto; }
.legend li { display: flex; gap: 8px; align-items: baseline; padding: 2px 0; }
.legend .value { margin-left: auto; white-space: nowrap; color: var(--soft); font-variant-numeric: tabular-nums; }
.legend svg { width: 14px; height: 10px; flex: none; }
progress { width: 100%; min-width: 120px; height: 11px; accent-color: var(--accent); }
.c0 { stroke: #2f7ed8; fill: #2f7ed8; } .c1 { stroke: #d9822b; fill: #d9822b; }
.c2 { stroke: #2ca02c; fill: #2ca02c; } .c3 { stroke: #d64550; fill: #d64550; }
.c4 { stroke: #8e6bbf; fill: #8e6bbf; } .c5 { stroke: #9c6b4e; fill: #9c6b4e; }
.c6 { stroke: #e377c2; fill: #e377c2; } .c7 { stroke: #7f8c99; fill: #7f8c99; }
.c8 { stroke: #a3a62a; fill: #a3a62a; } .c9 { stroke: #17a9bd; fill: #17a9bd; }
.c10 { stroke: #5b6ee1; fill: #5b6ee1; } .c11 { stroke: #c9a227; fill: #c9a227; }
svg.graph .line.c0, svg.graph .line.c1, svg.graph .line.c2, svg.graph .line.c3,
svg.graph .line.c4, svg.graph .line.c5, svg.graph .line.c6, svg.graph .line.c7,
svg.graph .line.c8, svg.graph .line.c9, svg.graph .line.c10, svg.graph .line.c11 { fill: none; }
@media (max-width: 700px) {
  main { padding: 12px 10px; }
  .top { padding: 8px 12px; }
  table.facts th { width: auto; }
}
)css";

}  // namespace

std::string_view stylesheet_text() {
  return kStylesheet;
}

}  // namespace silverback::server::pages
