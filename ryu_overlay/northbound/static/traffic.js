// Traffic over time, stacked by class, from all tenants down to one uplink, floating IP or logical port.

import { CLASSES, again, ask, bits, color, link, make, number, octets, table } from "./common.js";

const SPANS = [["1 hour", 3600, "interval"], ["1 day", 86400, "interval"], ["7 days", 604800, "hour"], ["30 days", 2592000, "day"]];
const chosen = { span: 0 };

export async function show(place, names, alive) {
  const [tenant, router, name] = names;
  const picture = make("div", { id: "chart", role: "img" });
  const below = make("div", {});
  const span = make("select", { id: "span", onchange: () => { chosen.span = span.selectedIndex; refresh(); } });
  span.append(...SPANS.map(([text], index) => make("option", { selected: index === chosen.span }, text)));
  place.replaceChildren(crumbs(names), make("div", { class: "controls" }, make("label", {}, "Last ", span)), picture, below);
  const refresh = async () => {
    const [text, seconds, per] = SPANS[chosen.span];
    const until = Date.now() / 1000, since = until - seconds;
    const query = new URLSearchParams({ per, since: new Date(since * 1000).toISOString() });
    if (tenant) query.set("tenant", tenant);
    const [found, rates] = await Promise.all([ask(`/v1/usage?${query}`), ask("/v1/usage/rates")]);
    if (!alive()) return;
    const wanted = (row) => (!router || row.router === router) && (!name || row.name === name);
    const rows = found.rows.filter(wanted);
    chart(picture, rows, until, `Traffic of the last ${text}`);
    below.replaceChildren(...listing(rows, rates.rates, found.gaps.filter(wanted)));
    if (tenant && !router) below.append(await switches(tenant));
  };
  await again(alive, refresh);
}

function crumbs(names) {
  const steps = [link(["traffic"], "all tenants")];
  names.forEach((name, index) => steps.push(" › ", link(["traffic", ...names.slice(0, index + 1)], name)));
  return make("h1", {}, "Traffic of ", ...steps);
}

function chart(picture, rows, until, title) {
  const times = [...new Set(rows.map((row) => row.start))].sort();
  const lengths = new Map(rows.map((row) => [row.start, row.seconds]));
  const rate = (peer, way) => times.map((start) => {
    const own = rows.filter((row) => row.start === start).reduce((sum, row) => sum + row[peer][way].bytes, 0);
    return 8 * own / Math.max(1, Math.min(lengths.get(start), until - Date.parse(start) / 1000));
  });
  const traces = [];
  for (const [way, sign] of [["out", 1], ["into", -1]]) {
    for (const peer of CLASSES) {
      const values = rate(peer, way);
      traces.push({
        x: times, y: values.map((value) => sign * value), text: values.map(bits), name: peer, stackgroup: way, mode: "lines",
        line: { width: 1, shape: "hv", color: color(peer) }, opacity: 1, hovertemplate: `%{text} ${sign > 0 ? "out" : "in"}`, showlegend: way === "out", legendgroup: peer,
      });
    }
  }
  const axis = { gridcolor: color("line"), zerolinecolor: color("quiet"), linecolor: color("line") };
  const layout = {
    title: { text: `${title}, bit/s: out above, in below` }, paper_bgcolor: color("back"), plot_bgcolor: color("back"),
    font: { color: color("text"), family: "system-ui, sans-serif" }, margin: { t: 50, r: 20, l: 70, b: 40 },
    xaxis: { ...axis, type: "date" }, yaxis: { ...axis, tickformat: "~s" }, hovermode: "x unified", legend: { orientation: "h" },
  };
  Plotly.react(picture, traces, layout, { displaylogo: false, responsive: true, displayModeBar: false });
  const sum = (way) => rows.reduce((total, row) => total + CLASSES.reduce((own, peer) => own + row[peer][way].bytes, 0), 0);
  picture.setAttribute("aria-label", `${title}: ${octets(sum("out"))} out, ${octets(sum("into"))} in; the table below has it by name`);
}

function listing(rows, rates, gaps) {
  const sums = new Map();
  for (const row of rows) {
    const key = [row.tenant, row.router, row.kind, row.name, row.address].join("\n");
    const sum = sums.get(key) ?? { row, complete: true, inside: 0, of: Object.fromEntries(CLASSES.map((peer) => [peer, { out: 0, into: 0 }])) };
    for (const peer of CLASSES) for (const way of ["out", "into"]) sum.of[peer][way] += row[peer][way].bytes;
    sum.inside += row.inside.bytes;
    sum.complete &&= row.complete;
    sums.set(key, sum);
  }
  const now = (row, way) => rates.filter((r) => r.tenant === row.tenant && r.router === row.router && r.name === row.name && r.kind === row.kind && r.way === way)
    .reduce((total, r) => total + r.bits, 0);
  const all = (sum) => CLASSES.reduce((total, peer) => total + sum.of[peer].out + sum.of[peer].into, 0);
  const ordered = [...sums.values()].sort((a, b) => all(b) - all(a));
  const headers = ["tenant", "router", "uplink or floating IP", "address", ...CLASSES.flatMap((peer) => [`${peer} out`, `${peer} in`]), "inside", "now out", "now in", "complete"];
  const cells = ordered.map((sum) => [
    link(["traffic", sum.row.tenant], sum.row.tenant),
    sum.row.router ? link(["traffic", sum.row.tenant, sum.row.router], sum.row.router) : "-",
    sum.row.name ? link(["traffic", sum.row.tenant, sum.row.router, sum.row.name], sum.row.name) : "all that stays inside",
    sum.row.address || "-",
    ...CLASSES.flatMap((peer) => [number(octets(sum.of[peer].out)), number(octets(sum.of[peer].into))]),
    number(octets(sum.inside)), number(bits(now(sum.row, "out"))), number(bits(now(sum.row, "in"))),
    make("span", { class: sum.complete ? "good" : "bad" }, sum.complete ? "yes" : "no"),
  ]);
  const parts = [make("h2", {}, "By uplink and floating IP"), table("usage", headers, cells)];
  if (!cells.length) parts.push(make("p", { class: "quiet" }, "Nothing passed in that time."));
  if (gaps.length) {
    const found = new Map(gaps.map((gap) => [[gap.chassis, gap.name, gap.since].join("\n"), gap]));
    parts.push(make("h2", {}, "What is missing, or known only as a whole"));
    parts.push(table("gaps", ["chassis", "tenant", "name", "since", "until", "what"],
      [...found.values()].map((gap) => [gap.chassis, gap.tenant, gap.name, gap.since, gap.until, gap.what])));
  }
  return parts;
}

async function switches(tenant) {
  const found = await ask(`/v1/tenants/${encodeURIComponent(tenant)}/switches`);
  const links = found.switches.map((one) => make("li", {}, link(["ports", tenant, one.name], one.name)));
  return make("section", {}, make("h2", {}, "Ports of switches"), make("ul", {}, ...links));
}

export async function ports(place, [tenant, name], alive) {
  let before = null;
  const body = make("div", {});
  place.replaceChildren(make("h1", {}, "Ports of ", link(["traffic", tenant], tenant), ` › ${name}`), body);
  await again(alive, async () => {
    const at = Date.now();
    const found = await ask(`/v1/tenants/${encodeURIComponent(tenant)}/switches/${encodeURIComponent(name)}/interfaces`);
    if (!alive()) return;
    const last = before;
    const counted = (port, way) => (port[way] ? number(octets(port[way].bytes)) : "-");
    const rate = (port, way) => {
      const old = last?.ports.get(port.name);
      return old && port[way] && old[way] ? bits(8 * Math.max(0, port[way].bytes - old[way].bytes) * 1000 / (at - last.at)) : "-";
    };
    const rows = found.interfaces.map((port) => [
      port.name, port.addresses.join(", "), port.chassis, make("span", { class: port.state === "up" ? "good" : "bad" }, port.state),
      counted(port, "input"), counted(port, "output"), number(rate(port, "input")), number(rate(port, "output")),
      number(String(port.drops.reduce((sum, drop) => sum + drop.packets, 0))),
    ]);
    body.replaceChildren(table("ports", ["port", "addresses", "chassis", "state", "in", "out", "now in", "now out", "drops"], rows));
    before = { at, ports: new Map(found.interfaces.map((port) => [port.name, port])) };
  });
}
