// The logical topology with live rates, and the chassis and tunnels under it, coloured by health.

import { again, ask, bits, draw, link, make, number, table } from "./common.js";

const [WIDTH, HEIGHT, GAP, LEFT] = [190, 46, 18, 300];

const lasting = (health) => health.faults.filter((fault) => fault.until === null && fault.provider);

export async function topology(place, names, alive) {
  const body = make("div", {});
  place.replaceChildren(make("h1", {}, "Logical topology"), make("p", { class: "quiet" }, "Green: nothing is known to be wrong. Red: a fault hits it. Rates are those of uplinks, now."), body);
  await again(alive, async () => {
    const [network, rates, health, uplinks] = await Promise.all([ask("/v1/network"), ask("/v1/usage/rates"), ask("/v1/health"), ask("/v1/uplinks")]);
    if (!alive()) return;
    const hit = new Set(lasting(health).flatMap((fault) => [...fault.impact.routers, ...fault.impact.switches]));
    body.replaceChildren(...network.tenants.map((tenant) => section(tenant, rates.rates, hit, uplinks.uplinks)));
  });
}

function section(tenant, rates, hit, uplinks) {
  const routers = tenant.routers ?? [], switches = tenant.switches ?? [];
  const outside = [...new Set(routers.flatMap((router) => router.ports.map((port) => port.external).filter(Boolean)))];
  const height = Math.max(outside.length, routers.length, switches.length, 1) * (HEIGHT + GAP);
  const picture = draw("svg", { class: "map", width: 3 * LEFT, height, role: "group", "aria-label": `network of tenant ${tenant.name}` });
  const at = (column, index, of) => [column * LEFT + 4, (height / of) * (index + 0.5) - HEIGHT / 2];
  const places = new Map();
  outside.forEach((name, index) => places.set(`outside ${name}`, at(0, index, outside.length)));
  routers.forEach((router, index) => places.set(`router ${router.name}`, at(1, index, routers.length)));
  switches.forEach((one, index) => places.set(`switch ${one.name}`, at(2, index, switches.length)));
  for (const router of routers) {
    for (const port of router.ports) {
      const to = port.external ? `outside ${port.external}` : port.switch ? `switch ${port.switch}` : port.peer ? `router ${port.peer.router ?? port.peer.split("/")[0]}` : null;
      if (to && places.has(to)) picture.append(join(places.get(`router ${router.name}`), places.get(to)));
    }
  }
  const sum = (router, way) => rates.filter((rate) => rate.tenant === tenant.name && rate.router === router && rate.way === way).reduce((total, rate) => total + rate.bits, 0);
  for (const name of outside) picture.append(box(places.get(`outside ${name}`), ["topology"], name, "external network", "plain"));
  for (const router of routers) {
    const up = uplinks.find((one) => one.tenant === tenant.name && one.router === router.name);
    const told = up ? `▲ ${bits(sum(router.name, "out"))}  ▼ ${bits(sum(router.name, "in"))}  ${up.active ?? "no gateway"}` : "router";
    picture.append(box(places.get(`router ${router.name}`), ["traffic", tenant.name, router.name], router.name, told, state(hit, tenant, router)));
  }
  for (const one of switches) {
    picture.append(box(places.get(`switch ${one.name}`), ["ports", tenant.name, one.name], one.name, `switch, ${one.ports.length} ports`, state(hit, tenant, one)));
  }
  return make("section", {}, make("h2", {}, link(["traffic", tenant.name], tenant.name)), make("div", { class: "scroll" }, picture));
}

const state = (hit, tenant, one) => (hit.has(`${tenant.name}/${one.name}`) ? "bad" : "good");

function box([x, y], to, title, told, health) {
  const here = draw("a", { href: `#${to.map(encodeURIComponent).join("/")}`, class: health, "aria-label": `${title}: ${told}${health === "bad" ? ", hit by a fault" : ""}` });
  here.append(draw("rect", { x, y, width: WIDTH + 70, height: HEIGHT }), draw("text", { x: x + 10, y: y + 19 }, title), draw("text", { x: x + 10, y: y + 37, class: "quiet" }, told));
  return here;
}

function join([ax, ay], [bx, by]) {
  const [left, right] = ax < bx ? [[ax, ay], [bx, by]] : [[bx, by], [ax, ay]];
  const same = ax === bx;
  return draw("line", { x1: left[0] + (same ? WIDTH / 2 : WIDTH + 70), y1: left[1] + HEIGHT / 2, x2: right[0] + (same ? WIDTH / 2 : 0), y2: right[1] + HEIGHT / 2 });
}

export async function fabric(place, names, alive) {
  const cards = make("div", { class: "cards" }), below = make("div", {});
  place.replaceChildren(make("h1", {}, "Chassis and tunnels"), cards, below);
  await again(alive, async () => {
    const [chassis, tunnels, health, uplinks] = await Promise.all([ask("/v1/chassis"), ask("/v1/tunnels"), ask("/v1/health"), ask("/v1/uplinks")]);
    if (!alive()) return;
    const faults = lasting(health);
    cards.replaceChildren(...chassis.chassis.map((one) => card(one, faults, uplinks.uplinks)));
    const rows = tunnels.tunnels.map((tunnel) => {
      const own = faults.filter((fault) => touches(fault, `${tunnel.chassis}>${tunnel.peer}`) || touches(fault, `${tunnel.peer}>${tunnel.chassis}`));
      const bad = own.length || !tunnel.up;
      return [tunnel.chassis, tunnel.peer, tunnel.remote_ip, number(String(tunnel.networks.length)), make("span", { class: bad ? "bad" : "good" }, own.map((fault) => fault.text).join("; ") || (tunnel.up ? "up" : "down"))];
    });
    const told = faults.map((fault) => [fault.id, fault.layer, make("span", { class: "bad" }, fault.text), fault.since]);
    below.replaceChildren(
      make("h2", {}, "Faults that last"), faults.length ? table("faults", ["fault", "layer", "what", "since"], told) : make("p", { class: "good" }, "None that is the provider's."),
      make("h2", {}, "Tunnels"), table("tunnels", ["from", "to", "remote address", "networks", "state"], rows),
    );
  });
}

const touches = (fault, word) => fault.element.split(/[ ,]/).includes(word);

function card(one, faults, uplinks) {
  const own = faults.filter((fault) => touches(fault, one.name));
  const health = own.length || one.problems.length ? "bad" : one.state === "connected" ? "good" : "unknown";
  const carried = uplinks.filter((uplink) => uplink.active === one.name).map((uplink) => `${uplink.tenant}/${uplink.router}`);
  return make("section", { class: `card ${health}`, "aria-label": one.name },
    make("h3", {}, one.name), make("p", { class: "quiet" }, `${one.encap_ip}, ${one.state}, ${one.vifs} ports, ${one.flows} flows`),
    make("p", {}, carried.length ? `carries ${carried.join(", ")}` : "carries no uplink"),
    ...own.map((fault) => make("p", { class: "bad" }, fault.text)), ...one.problems.map((text) => make("p", { class: "bad" }, text)));
}
