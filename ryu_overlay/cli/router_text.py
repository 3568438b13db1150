"""What a router shows, as routers put it. It knows the JSON of REST; it does not know the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ryu_overlay.cli.device_text import MARK, Document, cell, columns, differences, drops, remarks, standing

_KNOWN_VIA = {"C": "connected", "L": "local", "V": "load balancer", "S": "static", "S*": "uplink, default"}
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
LEGEND = "Codes: C - connected, L - local, V - virtual address, S - static, * - default that the uplink implies"


def table(body: Document) -> Iterator[str]:
    """`show ip route`."""
    yield LEGEND
    default = next((r for r in body["routes"] if r["prefix"] == "0.0.0.0/0"), None)
    hops = [via["next_hop"] for via in default["via"]] if default else []
    yield f"Gateway of last resort is {', '.join(hops)}" if hops else "Gateway of last resort is not set"
    yield ""
    rows: list[tuple[str, str, str]] = []
    for route in body["routes"]:
        first, *more = route["via"]
        rows.append((f"{route['code']:4} {route['prefix']}", _way(route, first), standing(route["on"])))
        rows += [("", _way(route, via), "") for via in more]
    widths = [max((len(row[n]) for row in rows), default=0) for n in (0, 1)]
    yield from (f"{a:{widths[0]}} {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows)
    yield from differences((route["prefix"], route["on"]) for route in body["routes"])
    yield from remarks(body)


def entry(body: Document) -> Iterator[str]:
    """`show ip route ADDRESS`."""
    if not body["routes"]:
        yield "% Network not in table"
    for route in body["routes"]:
        yield f"Routing entry for {route['prefix']}"
        yield f'  Known via "{_KNOWN_VIA[route["code"]]}"'
        for via in route["via"]:
            yield f"  * {_way(route, via).removeprefix('is ').replace('connected, ', 'connected, via ')}"
        yield f"  Installed {standing(route['on'])}"
        yield f"  Matched {sum(on['packets'] for on in route['on'])} packets, {sum(on['bytes'] for on in route['on'])} bytes"
    yield from differences((route["prefix"], route["on"]) for route in body["routes"])
    yield from remarks(body)


def _way(route: Document, via: Document) -> str:
    if route["code"] == "V":
        return f"is answered by load balancer {via['port']}"
    return f"via {via['next_hop']}, {via['port']}" if via["next_hop"] else f"is directly connected, {via['port']}"


def neighbours(body: Document, wanted: str | None) -> Iterator[str]:
    """`show arp`: all, or those at one interface or address."""
    rows = [n for n in body["neighbours"] if wanted in (None, n["port"], n["address"])]
    yield from columns(
        ("Address", "Age (s)", "Hardware address", "Type", "Interface", "Whose", "Bound on", "Installed"), map(_neighbour, rows)
    )
    yield from differences((row["address"], row["on"]) for row in rows)
    yield from remarks(body)


def _neighbour(row: Document) -> Sequence[Any]:
    age = None if row["age"] is None else f"{row['age']:.0f}"
    kind = f"asked {row['tries']}x" if row["source"] == "asked" else row["source"]
    whose = f"{row['kind']} {row['object']}" if row["object"] else None
    where = None if row["source"] in ("self", "asked") else standing(row["on"])
    return row["address"], age, row["mac"] or "incomplete", kind, row["port"], whose, row["chassis"], where


def nat(body: Document) -> Iterator[str]:
    """`show nat`."""
    uplink = body["uplink"]
    if uplink is None:
        yield "no uplink: nothing is translated"
        return
    state = f"carried by {uplink['active']}" if uplink["active"] else f"{MARK} carried by nobody: {uplink['reason']}"
    yield f"Uplink {uplink['port']} into {uplink['network']}, {uplink['address']}, {state}; gateways {cell(uplink['gateways'])}"
    if body["snats"]:
        yield ""
        rows = ((s["name"], s["prefixes"], s["addresses"], s["ports"], s["begun"], standing(s["on"])) for s in body["snats"])
        yield from columns(("Source NAT", "Inside", "Outside", "Ports", "Begun", "Installed"), rows)
    if body["floating_ips"]:
        yield ""
        yield from columns(
            ("Floating IP", "Outside", "Inside", "Port", "Translated on", "Begun", "Installed"),
            map(_floating, body["floating_ips"]),
        )
    yield from drops(body["drops"])
    yield from differences((rule["name"], rule["on"]) for rule in (*body["snats"], *body["floating_ips"]))
    yield from remarks(body)


def _floating(row: Document) -> Sequence[Any]:
    where = row["translated_on"] and row["translated_on"] + ("" if row["at_home"] else " (gateway)")
    return row["name"], row["address"], row["inside"], row["port"], where, row["begun"], standing(row["on"])


def translations(body: Document) -> Iterator[str]:
    """`show nat translations`."""
    rows = (
        (
            _PROTOCOLS.get(t["protocol"], t["protocol"]),
            _end(t["inside"], t["inside_port"]),
            _end(t["outside"], t["outside_port"]),
            _end(t["peer"], t["peer_port"]),
            {"out": "inside", "in": "outside"}[t["direction"]],
            t["packets"],
            t["chassis"],
            t["rule"],
        )
        for t in body["translations"]
    )
    yield from columns(("Pro", "Inside", "Outside", "Peer", "Begun", "Packets", "Chassis", "Rule"), rows)
    yield f"What carried traffic in {body['seconds']:g} s; what was silent is not shown."
    if body["missed"]:
        yield f"% {body['missed']} packets were too many to be looked at: there may be more translations"


def _end(address: str | None, port: int) -> str:
    return f"{address}:{port}" if address and port else address or "-"


def balancers(body: Document) -> Iterator[str]:
    """`show lb`."""
    if not body["balancers"]:
        yield "no load balancer stands on it"
    for row in body["balancers"]:
        yield f"{row['name']}: {row['vip']}:{row['port']}/{row['protocol']}, check {row['check']}, {standing(row['on'])}"
        yield from (f"  {line}" for line in columns(_MEMBER, map(_member, row["members"])))
    things = [(row["name"], row["on"]) for row in body["balancers"]]
    things += [(f"{row['name']}/{m['status']['member']}", m["on"]) for row in body["balancers"] for m in row["members"]]
    yield from differences(things)
    yield from remarks(body)


_MEMBER = ("Member", "Server", "State", "Weight", "Begun", "Share", "Bound on", "Reason", "Installed")


def _member(member: Document) -> Sequence[Any]:
    status = member["status"]
    share = None if member["share"] is None else f"{100 * member['share']:.0f}%"
    server = f"{status['address']}:{status['number']}"
    got = (status["weight"], member["begun"], share)
    return status["member"], server, status["state"], *got, status["chassis"], status["reason"], standing(member["on"])
