const alternatives = (checks) => checks.replaceAll("|", " or ");

// What becomes, or became, of a case.
function behaviour(b) {
  const outcomes = { accept: "accepted", refuse: "refused", "not-started": "not started" };
  let words = b.outcome ? outcomes[b.outcome] ?? b.outcome : "nothing that can be told";
  if (b.by) words += ` by the ${b.by}`;
  if (b.check) words += ` for ${alternatives(b.check)}`;
  if (b.identity) words += ` as ${b.identity}`;
  return words;
}

// What is wanted, as short as a row of the matrix can bear.
function wanted(c) {
  const e = c.expected;
  if (e.outcome === "refuse") return `refused${e.check ? ` for ${alternatives(e.check)}` : ""}`;
  return behaviour({ outcome: e.outcome });
}

const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

const shortVersion = (version) => ({ none: "no connection", plaintext: "plain" })[version] ?? version.replace("tls", "");

const unique = (all) => [...new Set(all)];

function grouped(all, key) {
  const groups = new Map();
  for (const one of all) {
    const k = key(one);
    if (!groups.has(k)) groups.set(k, []);
    groups.get(k).push(one);
  }
  return groups;
}
