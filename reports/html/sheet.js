// The sheet that holds the page of a case, or of a rule, in place.

function sentence(rule, level) {
  const sentences = data.rules[rule] ?? {};
  return sentences[level] ?? Object.values(sentences)[0] ?? "";
}

const ruleLink = (rule) => h("a", { href: linkTo(rule) }, rule);

function account(c, side) {
  const a = c[side];
  const end = c.ends && data.ends[c.ends[side === "client" ? 0 : 1]];
  const silent = !a.claim && !a.phase && !a.alertReceived;
  return h("section", { class: `account ${side}`, "aria-label": `The ${side}` },
    h("h3", {}, side, end && h("small", {}, ` ${end.component}${end.component === c.subject ? ", which is judged" : ""}`)),
    facts([
      ["shows", end ? end.variant : a.variant],
      ["in it", end?.shows?.length && h("ul", { class: "shows" }, end.shows.map((line) => h("li", {}, line)))],
      ["requires", end?.requires],
      ["says", silent ? "nothing" : [a.claim, a.phase && `in ${a.phase}`, a.failed && `for ${alternatives(a.failed)}`].filter(Boolean).join(" ")],
      ["was told", a.alertReceived && `alert ${a.alertReceived}`],
      ["error", a.error && h("code", {}, a.error)],
    ]),
    a.log?.length && h("pre", { class: "log", tabindex: "0", "aria-label": `Log of the ${side}` }, a.log.join("\n")));
}

function casePage(c) {
  const state = states[c.state];
  const repeat = `${data.repeat}'${c.id}'`;
  const after = c.aftermath;
  return [
    h("p", { class: `verdict ${c.state}` }, h("b", { "aria-hidden": "true" }, state.sign), ` ${state.text} `, h("span", { class: "level" }, c.level),
      c.evidence === "wire" && h("span", { class: "level" }, "evidence: wire")),
    h("h2", { id: "sheet-h", tabindex: "-1" }, c.id.split("/").flatMap((part) => [part, h("wbr"), "/"]).slice(0, -1)),
    c.knownDeviation && h("p", { class: "known" }, c.knownDeviation),
    facts([
      ["wanted", behaviour(c.expected)], ["got", behaviour(c.observed)], ["why", c.why],
      ["mode", c.about?.mode], ["setting", c.about?.setting], ["token", c.about?.token], ["conduct", c.about?.conduct],
      ...c.keys.filter(([key]) => !c.about?.[key]),
      ...c.rules.map((rule, i) => [i ? "and rule" : "rule", [ruleLink(rule), " ", sentence(rule, c.level)]]),
    ]),
    h("div", { class: "accounts" }, account(c, "client"), ladder(c), account(c, "server")),
    facts([
      ["afterwards", after && `${count(after.connections, "connection")} in ${after.windowMillis} ms${after.ready ? `, ${after.ready}` : ""}${after.exitCode != null ? `, ended with ${after.exitCode}` : ""}`],
      ["twin", c.about?.twin && h("a", { href: linkTo(c.about.twin) }, c.about.twin)],
      ["took", `${c.durationMillis} ms`],
    ]),
    h("h3", {}, "Repeat it"), command(repeat),
    c.about?.byHand && [h("h3", {}, "By hand, in a folder with its files"), command(c.about.byHand)],
  ];
}

function command(text) {
  return h("pre", { class: "command", tabindex: "0", "aria-label": "Command" }, text);
}

function rulePage(rule) {
  const all = cases.filter((c) => c.rules.includes(rule));
  return [
    h("h2", { id: "sheet-h", tabindex: "-1" }, rule),
    [...grouped(Object.entries(data.rules[rule]), ([, text]) => text)].map(([text, levels]) =>
      h("p", {}, text, levels.map(([level]) => [" ", h("span", { class: "level" }, level)]))),
    data.sources[rule]?.length > 0 && h("p", {}, "from ", data.sources[rule].join("; ")),
    h("p", {}, count(all.length, "case"), " ", tally(all), " ", h("a", { href: `#matrix?rule=${rule}` }, "show in the matrix")),
    [...grouped(all, (c) => `${c.link} ${c.subject}`)].map(([name, some]) => {
      const [calm, rest] = [true, false].map((is) => some.filter((c) => (c.state === "conforms") === is));
      return [h("h3", {}, name, " ", tally(some)), list(rest),
        calm.length > 0 && h("details", { open: rest.length === 0 && calm.length <= 40 }, h("summary", {}, `${count(calm.length, "case")} that conform`), list(calm))];
    }),
  ];
}

// Cases in a list, each with what differs on one link and subject.
function list(some) {
  return some.length > 0 && h("ul", { class: "plain" }, some.map((c) =>
    h("li", {}, mark(c), " ", [c.mode, ...c.id.split("/").slice(3, 5), ...c.id.split("/").slice(6)].join(" "))));
}

function drawRules(into) {
  const rows = Object.keys(data.rules).sort().map((rule) => {
    const all = cases.filter((c) => c.rules.includes(rule));
    return h("tr", {}, h("th", { scope: "row" }, ruleLink(rule)), h("td", {}, sentence(rule)), h("td", {}, tally(all)));
  });
  into.replaceChildren(h("table", { class: "rules", "aria-label": "Rules" }, h("thead", {}, h("tr", {}, ["rule", "what it asks", "cases"].map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, rows)));
}
