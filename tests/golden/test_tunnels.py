"""On Open vSwitch itself: what goes through a tunnel is counted once at each end, and a probe of the tunnel comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mininet_topos.processes import Timeout, wait_until
from ryu_overlay.openflow.actions import Output, Resubmit, SetField, encode_actions
from ryu_overlay.openflow.describe import flow_text
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.openflow.messages import packet_out
from ryu_overlay.openflow.packet_in import parse_packet_in
from ryu_overlay.pipeline.cookies import OURS_MASK, Feature, Why, read_cookie
from ryu_overlay.pipeline.registers import TUNNEL
from ryu_overlay.pipeline.tables import ECHO_BACK_VNI, ECHO_VNI, PHY_IN_PORT, TUN_COUNT_IN, TUN_COUNT_OUT
from tests.golden.expectations import Case
from tests.golden.live import LiveHands, live_hands
from tests.golden.packets import to_frame
from tests.golden.rig import Rig, rig
from tools.scenarios import Scenario, scenarios

SCENARIOS = {scenario.name: scenario for scenario in scenarios()}
TUNNELS = {"hv1": 101, "hv2": 102}
"""The OpenFlow ports of tunnels to them."""
FEATURE = OURS_MASK | 0xFF << 40
ENTER = encode_actions((Resubmit(PHY_IN_PORT.number),))

pytestmark = pytest.mark.ovs


class Live:
    """A scenario on bridges that have their tunnels joined."""

    def __init__(self, scenario: Scenario, made: Rig, hands: LiveHands) -> None:
        self.hands = hands
        self._scenario = scenario
        self._rig = made
        hands.load(scenario.network, scenario.fabric, scenario.programs)

    def frame(self, name: str) -> bytes:
        return to_frame(next(Case(self._scenario, given).packet for given in self._scenario.packets if given["name"] == name))

    def counted(self) -> Counter[str]:
        """What flows of both tables have counted, by chassis and match."""
        self._rig.push_counters()
        found: Counter[str] = Counter()
        for chassis in self._rig.chassis:
            for flow in self.hands.counters(chassis, Why(Feature.COUNTER).cookie, FEATURE):
                if flow.key[0] in (TUN_COUNT_IN.number, TUN_COUNT_OUT.number):
                    words, _, _ = flow_text(flow.key, flow.value).partition(",cookie=")
                    found[f"{chassis} {words}"] = flow.packets
        return found

    def counts(self, before: Counter[str], expected: dict[str, int]) -> None:
        """Just these have moved, at the latest when all has arrived."""
        with suppress(Timeout):
            wait_until(lambda: self.counted() - before == expected, 5, "counters")
        assert self.counted() - before == expected


@pytest.fixture
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    scenario = SCENARIOS[request.param]
    with rig(tmp_path, scenario.chassis) as made, live_hands(made) as hands:
        yield Live(scenario, made, hands)


def both_ends(sender: str, receiver: str, vni: int) -> tuple[str, str]:
    """The flows that count what goes from one to the other."""
    sent = f"{sender} table=93,priority=10,tun_id={vni:#x},reg3={TUNNEL | TUNNELS[receiver]:#x}"
    return sent, f"{receiver} table=92,priority=10,in_port={TUNNELS[sender]},tun_id={vni:#x}"


@pytest.mark.parametrize(
    ("live", "name", "sender", "receiver", "vni"),
    [
        ("one-switch", "to a neighbour on another chassis", "hv1", "hv2", 1),
        ("one-switch", "IPv4 multicast is flooded", "hv2", "hv1", 1),
        ("way-out-snat", "a ping", "hv1", "hv2", 3),
    ],
    indirect=["live"],
)
def test_a_tenants_packet_is_counted_once_at_each_end(live: Live, name: str, sender: str, receiver: str, vni: int) -> None:
    before = live.counted()
    for _ in range(3):
        live.hands.send(sender, packet_out(ENTER, live.frame(name), in_port=1))
    live.hands.wait(lambda: live.hands.carried == 3, 1)
    live.counts(before, dict.fromkeys(both_ends(sender, receiver, vni), 3))


@pytest.mark.parametrize("live", ["one-switch"], indirect=True)
def test_a_probe_of_a_tunnel_is_told_of_at_each_end_and_comes_back_once(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int, bytes]] = []

    def heard(chassis: str, data: bytes) -> None:
        packet = parse_packet_in(data)
        assert read_cookie(packet.cookie) == Why(Feature.PUNT_ECHO)
        told.append((chassis, packet.fields[IN_PORT], packet.fields[TUN_ID], packet.frame))

    monkeypatch.setattr(live.hands.tracer, "heard", heard)
    before, frame = live.counted(), live.frame("to a neighbour on another chassis")
    live.hands.send("hv1", packet_out(encode_actions((SetField(TUN_ID, ECHO_VNI), Output(102))), frame))
    assert live.hands.wait(lambda: len(told) == 2, 1)
    assert told == [("hv2", 101, ECHO_VNI, frame), ("hv1", 102, ECHO_BACK_VNI, frame)]
    of_no_network = {f"{chassis} table=92,priority=0": 1 for chassis in ("hv1", "hv2")}
    live.counts(before, of_no_network)
    live.hands.send("hv1", packet_out(ENTER, frame, in_port=1))
    live.hands.wait(lambda: live.hands.carried == 3, 1)
    live.counts(before, of_no_network | dict.fromkeys(both_ends("hv1", "hv2", 1), 1))
    live.hands.settle()
    assert len(told) == 2, "the same bytes in a network's VNI are no probe"
