// The matrix: a panel for each link and subject; in it a table for each kind of difference, whose rows are what differs and
// whose columns are the modes.

const good = "good";
const titles = { client: "The client's credential", server: "The server's credential" };

// The side whose credential varies most is the one that the rows of a panel are about.
const leading = (panel) => {
  const variants = (side) => new Set(panel.filter((c) => c.keys.length === 0).map((c) => c[side].variant)).size;
  return variants("server") > variants("client") ? "server" : "client";
};

function place(c, side) {
  const other = side === "client" ? "server" : "client";
  if (c.keys.length === 0) return { kind: side, row: c[side].variant, extra: c[other].variant === good ? "" : c[other].variant };
  const [kind, row] = c.keys.at(-1);
  const rest = c.keys.slice(0, -1).map(([, value]) => value);
  const variants = [c.client.variant, c.server.variant].filter((variant) => variant !== good);
  return { kind, row, extra: [...rest, ...variants].join(" ") };
}

function drawPanels(into, all) {
  const panels = [...grouped(all, (c) => `${c.link} ${c.subject}`).values()];
  into.replaceChildren(...panels.map((panel) => {
    const side = leading(cases.filter((c) => c.link === panel[0].link && c.subject === panel[0].subject));
    const placed = panel.map((c) => ({ c, ...place(c, side) }));
    const tables = [...grouped(placed, (p) => p.kind)].map(([kind, ps]) => drawTable(kind, ps));
    return h("details", { class: "panel", open: true },
      h("summary", {}, h("h3", {}, h("span", { class: "link" }, panel[0].link), " ", panel[0].subject), tally(panel)), tables);
  }), ...(panels.length ? [] : [h("p", { class: "calm" }, "No case is like that.")]));
}

function drawTable(kind, placed) {
  const modes = unique(placed.map((p) => p.c.mode));
  const title = titles[kind] ?? kind[0].toUpperCase() + kind.slice(1) + "s";
  const rows = [...grouped(placed, (p) => p.row)].map(([row, ps]) => {
    const wants = unique(ps.map((p) => wanted(p.c)));
    return h("tr", {}, h("th", { scope: "row" }, row, " ", h("small", {}, wants.length > 2 ? "differs" : wants.join(" or "))),
      modes.map((mode) => h("td", { "data-mode": mode }, ps.filter((p) => p.c.mode === mode).map((p) => [mark(p.c, p.extra), " "]))));
  });
  return h("table", { class: "cells" }, h("caption", {}, title, " ", h("small", {}, count(placed.length, "case"))),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, kind), modes.map((mode) => h("th", { scope: "col" }, mode)))), h("tbody", {}, rows));
}
