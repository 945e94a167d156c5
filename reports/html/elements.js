// An element with attributes and children; texts stay texts.
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false && child !== ""));
  return element;
}

const linkTo = (id) => "#" + encodeURI(id).replaceAll("#", "%23").replaceAll("?", "%3F");

// A case as a mark that opens it.
function mark(c, extra = "") {
  const state = states[c.state];
  return h("a", { class: `mark ${c.state}`, href: linkTo(c.id), "aria-label": `${state.text}: ${c.id}`, title: c.id },
    h("b", { "aria-hidden": "true" }, state.sign), " ", shortVersion(c.version), extra && h("small", {}, " " + extra));
}

// The counts of cases by state.
function tally(all) {
  const groups = grouped(all, (c) => c.state);
  return h("span", { class: "tally" }, Object.entries(states).filter(([name]) => groups.has(name)).map(([name, state]) =>
    h("span", { class: name, title: state.text }, h("b", { "aria-hidden": "true" }, state.sign), ` ${groups.get(name).length}`,
      h("span", { class: "unseen" }, " " + state.text))));
}

function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
