"""Routers whose answers stand for paths, on Open vSwitch: there by the tunnel and back, then given; or told that it is broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from ryu_overlay.compiler.program import compile_all
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Answers, WithoutPath
from ryu_overlay.model.walk_values import ICMP, Ip, Packet
from ryu_overlay.oam.responder import Asked, Path, Responder
from ryu_overlay.pipeline.answers import OWN_ADDRESS, answer_mac
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.limits import DEFAULT
from ryu_overlay.pipeline.tables import BACK_VNI, THERE_VNI
from tests.golden.following import packet_in
from tests.golden.packets import from_frame
from tests.golden.rig import Rig, rig
from tests.golden.tracing import Output, Trace
from tests.unit.fabric.test_ways import NET, PORTS, fabric
from tools.scenarios import Chassis

pytestmark = pytest.mark.ovs

VM_MAC, GATEWAY = "02:00:00:00:01:01", NET.tables["router_port"]["red", "r1", "a"].mac
R2, R3 = (NET.router_views["red", name].router for name in ("r2", "r3"))
BROKEN: dict[str, Any] = {"deaf": {"hv1": frozenset({"hv2", "hv3"})}}


@pytest.fixture(scope="module")
def bridges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    chassis = {
        name: Chassis(IPv4Address(f"172.31.0.{n}"), bound, {o: 100 + int(o[2]) for o in PORTS if o != name}, {"physnet1": 500})
        for n, (name, bound) in enumerate(PORTS.items(), 1)
    }
    with rig(tmp_path_factory.mktemp("ovs"), chassis) as made:
        yield made


def network(answers: Answers = "path", without_path: WithoutPath = "unreachable") -> Network:
    """The network with this policy of all three routers."""
    draft = Draft(NET)
    for router in NET.tables["router"].values():
        draft.put(replace(router, answers=answers, without_path=without_path))
    return draft.freeze(NET.revision + 1)


def load(bridges: Rig, made: Network, **signs: Any) -> None:
    bridges.load(compile_all(made, fabric(made, **signs), DEFAULT))


def ping(bridges: Rig, target: str, ttl: int = 64) -> Trace:
    """What becomes of an echo request of the VM on hv1."""
    body = Ip(IPv4Address("10.0.1.11"), IPv4Address(target), ICMP, ttl, (8, 0))
    return bridges.trace("hv1", f"in_port={PORTS['hv1']['a1']}", Packet(VM_MAC, GATEWAY, body))


def beyond(bridges: Rig, output: Output) -> tuple[str, Trace]:
    """What becomes of what goes into a tunnel, and where."""
    assert output.tunnel is not None
    remote, vni = output.tunnel
    sender, chassis = bridges.tunnel(remote)
    port = bridges.chassis[chassis].tunnels[sender]
    return chassis, bridges.trace(chassis, f"in_port={port},tun_id={vni:#x}", output.packet)


def feature(cookie: int) -> Feature | None:
    why = read_cookie(cookie)
    return None if why is None else why.feature


def there_and_back(bridges: Rig, trace: Trace, kind: int, router: int, to: str = "hv2") -> tuple[int, Packet]:
    """The answer goes to another chassis, which sends it back, and then to the VM: its port, and the packet that it gets."""
    [out] = trace.outputs
    assert out.tunnel is not None and out.tunnel[1] == THERE_VNI and out.packet.eth_src == mac_text(answer_mac(router, kind))
    chassis, turned = beyond(bridges, out)
    assert chassis == to and not turned.punts
    [back] = turned.outputs
    assert back.tunnel is not None and back.tunnel[1] == BACK_VNI
    chassis, given = beyond(bridges, back)
    [delivered] = given.outputs
    assert chassis == "hv1" and delivered.tunnel is None
    return bridges.port(delivered.port)[1], delivered.packet


def mac_text(mac: int) -> str:
    return ":".join(f"{byte:02x}" for byte in mac.to_bytes(6, "big"))


def echo_reply(source: str, ttl: int) -> Ip:
    return Ip(IPv4Address(source), IPv4Address("10.0.1.11"), ICMP, ttl, (0, 0))


def test_an_echo_reply_of_an_interface_elsewhere_goes_there_and_back(bridges: Rig) -> None:
    load(bridges, network())
    for target, router, ttl in (("100.64.0.2", R2, 63), ("10.0.2.1", R3, 62)):
        port, packet = there_and_back(bridges, ping(bridges, target), OWN_ADDRESS, router.key)
        assert port == PORTS["hv1"]["a1"]
        assert (packet.eth_dst, packet.eth_src, packet.body) == (VM_MAC, GATEWAY, echo_reply(target, ttl))


def test_one_of_an_interface_here_is_given_at_once(bridges: Rig) -> None:
    load(bridges, network())
    [delivered] = ping(bridges, "10.0.1.1").outputs
    assert delivered.tunnel is None and delivered.packet.body == echo_reply("10.0.1.1", 64)


def test_where_routers_answer_for_themselves_all_are_given_at_once(bridges: Rig) -> None:
    load(bridges, network("local"), **BROKEN)
    for target, ttl in (("10.0.1.1", 64), ("100.64.0.2", 63), ("10.0.2.1", 62), ("203.0.113.11", 64)):
        [delivered] = ping(bridges, target).outputs
        assert delivered.tunnel is None and delivered.packet.body == echo_reply(target, ttl)


def test_the_uplinks_is_the_gateways_to_give(bridges: Rig) -> None:
    load(bridges, network())
    [out] = ping(bridges, "203.0.113.11").outputs
    assert out.tunnel is not None and bridges.tunnel(out.tunnel[0]) == ("hv1", "hv2")
    assert out.tunnel[1] == NET.tables["router_port"]["red", "r1", "up"].vni


@pytest.mark.parametrize("target", ["100.64.0.2", "10.0.2.1", "203.0.113.11"])
def test_where_the_way_is_broken_who_asks_is_told_or_hears_nothing(bridges: Rig, target: str) -> None:
    load(bridges, network(), **BROKEN)
    trace = ping(bridges, target)
    assert [feature(punt.cookie) for punt in trace.punts] == [Feature.PUNT_NO_PATH] and not trace.outputs
    load(bridges, network(without_path="silent"), **BROKEN)
    trace = ping(bridges, target)
    assert feature(trace.steps[-1].cookie) is Feature.DROP_NO_PATH and not trace.punts and not trace.outputs


def test_what_the_controller_answers_goes_there_and_back_too(bridges: Rig) -> None:
    load(bridges, network())
    asked: list[Asked] = []

    def path_of(what: Asked) -> Path:
        asked.append(what)
        return Path(102, False, None)

    responder = Responder(path_of=path_of)
    responder.network(network())
    [punt] = ping(bridges, "10.0.2.11", ttl=2).punts
    out = responder.answer(packet_in(punt), 1)
    assert out is not None and (asked[0].router, asked[0].destination) == (R2.key, int(IPv4Address("10.0.2.11")))
    length = int.from_bytes(out[16:18], "big")
    error = from_frame(out[24 + length :])
    _, packet = there_and_back(bridges, bridges.trace_out("hv1", out, error, 1), 0, R2.key)
    assert isinstance(packet.body, Ip)
    assert (str(packet.body.src), packet.body.l4, packet.body.ttl) == ("100.64.0.2", (11, 0), 63)
