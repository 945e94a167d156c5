// The handshake as a ladder: who sent what, and where it stopped. Steps follow from the version of TLS and from what both
// sides said; nothing is drawn past the point where they ended.

const depths = { dial: 1, handshake: 2, application: 3 };

function steps(c) {
  if (c.version === "none" || c.observed.outcome === "not-started") return [];
  const reached = Math.max(depths[c.client.phase] ?? 0, depths[c.server.phase] ?? 0);
  const all = [{ from: "client", text: "connects" }];
  if (reached < 2) return all;
  const plain = c.version === "plaintext" || c.observed.outcome === "plaintext";
  const o = c.observed;
  const stops = (by) => o.outcome === "refuse" && o.by === by;
  if (!plain) {
    all.push({ from: "client", text: `offers ${c.version.replace("tls", "TLS ")}` });
    const unmet = o.outcome === "refuse" && o.check === "protocol";
    if (unmet || !o.outcome && reached < 3) return all;
    all.push({ from: "server", text: `certificate ${c.server.variant}` });
    if (!(stops("client") && reached < 3)) {
      all.push({ from: "client", text: c.client.variant === "none" ? "no certificate" : `certificate ${c.client.variant}` });
    }
  }
  const token = c.keys.find(([name]) => name === "token");
  if (reached === 3 && token) all.push({ from: "client", text: token[1] === "none" ? "no token" : `token ${token[1]}` });
  if (o.outcome === "accept" || o.outcome === "plaintext") {
    all.push({ from: "client", text: plain ? "data in the clear" : "application data" });
    all.push({ from: "server", text: plain ? "data in the clear" : "application data" });
  }
  return all;
}

function endings(c) {
  const o = c.observed;
  const all = [];
  if (o.outcome === "refuse" && o.by) {
    const other = o.by === "client" ? "server" : "client";
    all.push({ at: o.by, text: `refuses${o.check ? ` for ${alternatives(o.check)}` : ""}`, stop: true });
    if (c[other].alertReceived) all.push({ from: o.by, text: `alert ${c[other].alertReceived}` });
  } else if (o.outcome === "not-started") all.push({ at: "client server".split(" ").find((s) => c[s].failed) ?? o.by ?? "client", text: "does not start", stop: true });
  else if (!o.outcome) all.push({ at: "both", text: "what became of it cannot be told", stop: true });
  return all;
}

function ladder(c) {
  const rungs = [...steps(c), ...endings(c)].map((s) => h("li", { class: s.at ? `at ${s.at} stop` : `from ${s.from}` },
    s.from && h("span", { class: "unseen" }, s.from === "client" ? "client to server: " : "server to client: "),
    s.at && s.at !== "both" && h("span", { class: "unseen" }, `the ${s.at} `), h("span", { class: "what" }, s.text)));
  return h("ol", { class: "ladder", "aria-label": "The handshake" }, h("li", { class: "heads", "aria-hidden": "true" }, h("span", {}, "client"), h("span", {}, "server")), rungs);
}
