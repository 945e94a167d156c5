// The matrix: a panel for each link and subject; in it a table for each kind of difference, whose rows are what differs and
// whose columns are the modes.

const good = "good"; // the variant that is right in every respect
const titles = { client: "The client's credential", server: "The server's credential" };

// The side whose credential varies most is the one that the rows of a panel are about.
const leading = (panel) => {
  const variants = (side) => new Set(panel.filter((c) => c.keys.length === 0).map((c) => c[side].variant)).size;
  return variants("server") > variants("client") ? "server" : "client";
};

// Where a case stands in its panel: in which table and row, and what it is besides. What all cases of a mode show is not said.
function placing(panel) {
  const side = leading(panel);
  const usual = new Map([...grouped(panel, (c) => c.mode)].map(([mode, all]) => [mode,
    Object.fromEntries(["client", "server"].map((end) => [end, unique(all.map((c) => c[end].variant)).length === 1]))]));
  const said = (c, end) => c[end].variant === good || usual.get(c.mode)[end] ? [] : [c[end].variant];
  return (c) => {
    if (c.keys.length === 0) return { c, kind: side, row: c[side].variant, extra: said(c, side === "client" ? "server" : "client").join() };
    const [kind, row] = c.keys.at(-1);
    return { c, kind, row, extra: [...c.keys.slice(0, -1).map(([, value]) => value), ...said(c, "client"), ...said(c, "server")].join(" ") };
  };
}

function drawPanels(into, all) {
  const panels = [...grouped(all, (c) => `${c.link} ${c.subject}`).values()];
  into.replaceChildren(...panels.map((panel) => {
    const placed = panel.map(placing(cases.filter((c) => c.link === panel[0].link && c.subject === panel[0].subject)));
    const credentials = (kind) => kind in titles;
    const tables = [...grouped(placed, (p) => p.kind)].sort(([a], [b]) => credentials(b) - credentials(a)).map(([kind, ps]) => drawTable(kind, ps));
    return h("details", { class: "panel", open: true },
      h("summary", {}, h("h3", {}, h("span", { class: "link" }, panel[0].link), " ", panel[0].subject), tally(panel)), tables);
  }), ...(panels.length ? [] : [h("p", { class: "calm" }, "No case is like that.")]));
}

const many = 12; // so many rows of a single case are better read as a list

function drawTable(kind, placed) {
  const title = titles[kind] ?? kind[0].toUpperCase() + kind.slice(1) + "s";
  const groups = [...grouped(placed, (p) => p.row)].sort(([a], [b]) => (b === good) - (a === good));
  const single = groups.filter(([, ps]) => ps.length === 1);
  const listed = single.length > many ? single : [];
  const tabled = listed.length ? groups.filter(([, ps]) => ps.length > 1) : groups;
  return [tabled.length > 0 && cells(title, kind, tabled), listed.length > 0 && [
    h("h4", {}, title, tabled.length > 0 && " of one case each", " ", h("small", {}, count(listed.length, "case"))),
    h("ul", { class: "plain" }, listed.map(([row, [p]]) => h("li", {}, mark(p.c, p.extra), ` ${row} `, h("small", {}, `${p.c.mode}, ${wanted(p.c)}`)))),
  ]];
}

function cells(title, kind, groups) {
  const placed = groups.flatMap(([, ps]) => ps);
  const modes = unique(placed.map((p) => p.c.mode));
  const rows = groups.map(([row, ps]) => {
    const wants = unique(ps.map((p) => wanted(p.c)));
    return h("tr", {}, h("th", { scope: "row" }, row, " ", h("small", {}, wants.length > 2 ? "differs" : wants.join(" or "))),
      modes.map((mode) => h("td", { "data-mode": mode }, ps.filter((p) => p.c.mode === mode).map((p) => [mark(p.c, p.extra), " "]))));
  });
  return h("table", { class: "cells", "aria-label": `${title} on ${placed[0].c.link}, ${placed[0].c.subject}` }, h("caption", {}, title, " ", h("small", {}, count(placed.length, "case"))),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, kind), modes.map((mode) => h("th", { scope: "col" }, mode)))), h("tbody", {}, rows));
}

// Arrows move from mark to mark: left and right in their order, up and down in the column.
function move(from, key) {
  const step = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
  const marks = [...document.querySelectorAll("#panels details[open] .mark")];
  let at = marks.indexOf(from) + step;
  if (key === "ArrowUp" || key === "ArrowDown") {
    const row = (mark) => mark.closest("tr");
    const column = (mark) => mark.closest("td")?.cellIndex;
    const table = (mark) => mark.closest("table");
    while (marks[at] && table(from) && table(marks[at]) === table(from) && (row(marks[at]) === row(from) || column(marks[at]) !== column(from))) at += step;
    while (marks[at - 1] && step < 0 && marks[at - 1].parentNode === marks[at].parentNode) at -= 1;
  }
  marks[at]?.focus();
}
