"""Traces that nobody made: what would be reported if a packet went as the model says, or was lost on the way."""

from __future__ import annotations

from dataclasses import replace

from ryu_overlay.model.network import Network
from ryu_overlay.model.walk import Facts
from ryu_overlay.oam.expected import way_of
from ryu_overlay.oam.hops import Way
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.judging import Leg
from ryu_overlay.oam.observed import Crossing, FlowMet, Seen, SeenHop
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.trip import trip
from ryu_overlay.oam.verdicts import Verdict

CHASSIS = ("hv-alpha", "hv-beta")
VNI = 7340001
COOKIE = "0x0e7a090003000042"


def report(network: Network, start: Start, facts: Facts = Facts()) -> Report:  # noqa: B008  it is frozen
    """All went as the model says, over a tunnel before the last hop of each way."""
    made = trip(network, start, facts=facts)
    there = leg("there", way_of(made.there))
    back = None if made.back is None else leg("back", way_of(made.back))
    verdict = Verdict("ok", there.expected.outcome.sentence + ("; an answer from there comes back" if back else ""))
    return Report(made, there, back, verdict, None, 28, 0.0125)


def leg(direction: str, way: Way) -> Leg:
    """One direction, seen as expected: a millisecond a hop, with a flow each."""
    hops = way.whole
    seen: list[Seen] = [
        SeenHop(
            hop,
            CHASSIS[number == len(hops) - 1],
            float(number),
            (FlowMet("ls_in_lookup", CHASSIS[0], COOKIE, "routing", hop.name, 20),),
        )
        for number, hop in enumerate(hops)
    ]
    at = len(hops) - 1
    seen.insert(at, Crossing(*CHASSIS, VNI, at - 0.75, at - 0.25, own_vni=True, flows=(FlowMet("phy_out", CHASSIS[0], COOKIE),)))
    return Leg("back" if direction == "back" else "there", Journey(1, CHASSIS[0], 0.0), tuple(seen), way)


def lost(good: Report) -> Report:
    """The same, lost in the tunnel of the way there."""
    seen = good.there.seen[:-1]
    crossing = seen[-1]
    assert isinstance(crossing, Crossing)
    there = replace(good.there, seen=(*seen[:-1], replace(crossing, received_ms=None, own_vni=False)), sent=3, lost=3)
    sentence = f"lost between {CHASSIS[0]} and {CHASSIS[1]} (tunnel sent, not received)"
    verdict = Verdict("lost_in_underlay", sentence, "there", *CHASSIS)
    return replace(good, there=there, back=None, verdict=verdict)
