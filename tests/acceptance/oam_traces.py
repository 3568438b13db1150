"""Traces as an operator asks for them, by REST, and their answers in lines that can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mininet_topos.lab import Lab

Question = dict[str, Any]
SOURCE_PORT = 61_017
"""Above the ports that Linux takes by itself: on any wire it is of what these tests send."""
SMALL = 84
"""Bytes: with a size given, packets of the VMs' MTU are not tried as well."""


@dataclass(frozen=True)
class Trace:
    """The answer to POST /v1/trace."""

    json: dict[str, Any]

    @property
    def verdict(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["verdict"]
        return found

    @property
    def kind(self) -> str:
        return str(self.verdict["kind"])

    def legs(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Hops and tunnels by direction, `there` first."""
        for direction in ("there", "back"):
            if self.json[direction] is not None:
                yield direction, self.json[direction]["hops"]

    def lines(self, direction: str) -> list[str]:
        """One for each hop and tunnel: see `line`."""
        leg = self.json[direction]
        return [] if leg is None else [line(hop) for hop in leg["hops"]]

    def flows(self, table: str, chassis: str, direction: str) -> list[dict[str, Any]]:
        """The flows it met in a table of a chassis in a direction, in its order."""
        met = [flow for each, hops in self.legs() for hop in hops for flow in hop["flows"] if each == direction]
        return [flow for flow in met if (flow["table"], flow["chassis"]) == (table, chassis)]

    def told(self) -> str:
        """All of it, for a page of evidence."""
        head = f"{self.kind} ({self.verdict['layer']}): {self.verdict['sentence']}"
        lines = [f"  {direction:5} {text}" for direction, _ in self.legs() for text in self.lines(direction)]
        return "\n".join([head, *lines])


def line(hop: dict[str, Any]) -> str:
    """`CHASSIS KIND NAME IN>OUT RULE: SOURCE>TARGET TTL` with what there is of it; of a translation `=> SOURCE>TARGET` too."""
    if hop["kind"] == "tunnel":
        return f"{hop['chassis']} tunnel to {hop['peer']}" + ("" if hop["received_ms"] is not None else ", not received")
    words = [hop["chassis"], hop["kind"], hop["name"]]
    words += [hop["direction"]] * (hop["direction"] is not None)
    words += [f"{hop['in_port']}>{hop['out_port']}"] * (hop["kind"] == "router")
    words += [hop["rule"]] * (hop["rule"] is not None)
    packet, after = hop["packet"], hop["after"]
    text = f"{' '.join(words)}: {packet['src']}>{packet['dst']} {packet['ttl']}"
    return text if after is None else f"{text} => {after['src']}>{after['dst']}"


def ask(lab: Lab, question: Question) -> Trace:
    """Trace. Raises AssertionError where it was refused."""
    answer = lab.rest.post("/v1/trace", question)
    assert answer.status == 200, (question, answer.status, answer.text)
    return Trace(answer.json)


def is_ok(lab: Lab, question: Question) -> bool:
    """Whether it goes, there and back; what is refused does not."""
    answer = lab.rest.post("/v1/trace", question)
    return answer.status == 200 and answer.json["verdict"]["kind"] == "ok"


def question(sender: str, to: str, protocol: str = "icmp", port: int | None = None, **more: Any) -> Question:
    """One in short. What has ports comes from `SOURCE_PORT`; it is small unless a `size` is given, also if that is None."""
    asked: Question = {"from": sender, "to": to, "protocol": protocol, "size": SMALL, **more}
    if port is not None:
        asked |= {"port": port, "source_port": more.get("source_port", SOURCE_PORT)}
    return {name: value for name, value in asked.items() if value is not None}
