// What is shown: the fields of the form, each with what it asks of a case.
const fields = {
  text: { label: "Text", matches: (c, value) => value.toLowerCase().split(/\s+/).every((word) => c.searched.includes(word)) },
  outcome: { label: "Outcome", options: Object.keys(states).filter((s) => cases.some((c) => c.state === s)), matches: (c, value) => c.state === value },
  rule: { label: "Rule", options: Object.keys(data.rules).sort(), matches: (c, value) => c.rules.includes(value) },
  level: { label: "Level", options: unique(cases.map((c) => c.level)), matches: (c, value) => c.level === value },
};

const filter = {};

const passes = (c) => Object.entries(filter).every(([name, value]) => fields[name].matches(c, value));
const shown = () => cases.filter(passes);

function drawFilter(form, changed) {
  for (const [name, field] of Object.entries(fields)) {
    const input = field.options
      ? h("select", { name, id: `filter-${name}` }, h("option", { value: "" }, "any"),
        field.options.map((o) => h("option", { value: o }, states[o] ? `${states[o].sign} ${states[o].text}` : o)))
      : h("input", { name, id: `filter-${name}`, type: "search", placeholder: "expired tls1.3", autocomplete: "off" });
    form.append(h("label", { for: input.id }, field.label, input));
  }
  form.append(h("output", { id: "filtered" }), h("button", { type: "reset" }, "Show all"),
    h("p", { class: "keys" }, h("kbd", {}, "/"), " search, ", h("kbd", {}, "← ↑ ↓ →"), " move, ", h("kbd", {}, "Enter"), " open, ", h("kbd", {}, "j"), " ", h("kbd", {}, "k"), " next and previous case, ", h("kbd", {}, "Esc"), " close"));
  const read = () => {
    for (const name of Object.keys(fields)) {
      const value = form.elements[name].value.trim();
      if (value) filter[name] = value;
      else delete filter[name];
    }
    changed();
  };
  form.addEventListener("input", read);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => queueMicrotask(read));
}

// Sets the filter to the parameters of a link.
function setFilter(form, parameters) {
  for (const name of Object.keys(fields)) {
    const value = parameters.get(name) ?? "";
    form.elements[name].value = value;
    if (form.elements[name].value) filter[name] = value;
    else delete filter[name];
  }
}
