// What the page was made from.
const data = JSON.parse(document.getElementById("data").textContent);
const cases = data.results ?? [];
const byID = new Map(cases.map((c) => [c.id, c]));

// The states of a case, the gravest first: what each is called, and the sign that it has beside its colour.
const states = {
  fails: { sign: "✗", text: "deviates" },
  broken: { sign: "!", text: "broken" },
  unproven: { sign: "?", text: "unproven" },
  warns: { sign: "▲", text: "deviates, a warning" },
  changed: { sign: "△", text: "deviates, a change" },
  known: { sign: "◆", text: "deviates as known" },
  skipped: { sign: "–", text: "skipped" },
  conforms: { sign: "✓", text: "conforms" },
};

for (const c of cases) {
  const parts = c.id.split("/");
  c.client = { ...c.client, variant: parts[3].split("=")[1] };
  c.server = { ...c.server, variant: parts[4].split("=")[1] };
  c.version = parts[5];
  c.keys = parts.slice(6).map((part) => part.split(/=(.*)/s).slice(0, 2));
  c.searched = [`/${c.id}/`, states[c.state].text, c.why, c.knownDeviation, c.client.error, c.server.error, ...c.rules].join(" ").toLowerCase();
}
