// Where we are is in the address: #TARGET?FILTER, where the target is a case's ID, a rule's ID or a section.

const form = document.getElementById("filter");
const panels = document.getElementById("panels");
const sheet = document.getElementById("sheet");

function parsed() {
  const [target, query] = location.hash.slice(1).split(/\?(.*)/s);
  return { target: decodeURIComponent(target), parameters: new URLSearchParams(query ?? "") };
}

function address(target) {
  const query = new URLSearchParams(filter).toString();
  return "#" + encodeURI(target) + (query ? "?" + query : "");
}

function draw() {
  const some = shown();
  drawPanels(panels, some);
  document.getElementById("filtered").textContent = some.length === cases.length ? count(some.length, "case") : `${count(some.length, "case")} of ${cases.length.toLocaleString("en")}`;
}

function open(content) {
  const close = h("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => sheet.close());
  sheet.replaceChildren(close, ...content.flat(Infinity).filter(Boolean));
  if (!sheet.open) sheet.showModal();
  document.getElementById("sheet-h").focus(); // not the button: an Enter that is still held would press it
  sheet.scrollTop = 0;
}

function go() {
  const { target, parameters } = parsed();
  if (parameters.size > 0 && parameters.toString() !== new URLSearchParams(filter).toString()) {
    setFilter(form, parameters);
    draw();
  }
  if (byID.has(target)) open(casePage(byID.get(target)));
  else if (data.rules[target]) open(rulePage(target));
  else {
    if (sheet.open) sheet.close();
    document.getElementById(target)?.scrollIntoView();
    if (parameters.size > 0) form.elements.text.focus({ preventScroll: true });
  }
}

// Opens the case after, or before, the one that is open, among those that are shown.
function turn(step) {
  const some = shown();
  const next = some[some.findIndex((c) => c.id === parsed().target) + step];
  if (next) location.hash = address(next.id);
}

drawFilter(form, () => {
  history.replaceState(null, "", address("matrix"));
  draw();
});
drawRules(document.getElementById("rule-list"));
draw();
go();

addEventListener("hashchange", go);
sheet.addEventListener("close", () => {
  const { target } = parsed();
  if (byID.has(target) || data.rules[target]) history.pushState(null, "", address("matrix"));
  document.querySelector(`#panels .mark[title="${CSS.escape(target)}"]`)?.focus();
});
sheet.addEventListener("click", (event) => { if (event.target === sheet) sheet.close(); });

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (event.key === "/" && !sheet.open) form.elements.text.focus();
  else if (event.key.startsWith("Arrow") && event.target.matches("#panels .mark")) move(event.target, event.key);
  else if ((event.key === "j" || event.key === "k") && sheet.open) turn(event.key === "j" ? 1 : -1);
  else return;
  event.preventDefault();
});
