"""What a real Open vSwitch dumps of what it was told, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.actions import Ct, Instructions, Nat, Output, Resubmit, SetField, ToGroup
from ryu_overlay.openflow.fields import ETH_IP, ETH_TYPE, register
from ryu_overlay.openflow.flow import Block, Bucket, Flow, Group, Meter, Program, make_match
from ryu_overlay.openflow.messages import Way
from ryu_overlay.openflow.replies import PortStats, parse_multipart, parse_port_stats
from tests.dummy import DummySwitch, OpenFlow
from tests.unit.openflow.examples import FLOWS

pytestmark = pytest.mark.ovs

BRIDGE = "br"
TUNNEL = 100
ZONE, TCP = 7, 6
VIP, OTHER_VIP, MEMBER = (int(IPv4Address(text)) for text in ("10.0.0.1", "10.0.0.2", "10.0.0.9"))

GROUPS = (
    Group(1, ((SetField(register(0), 1), Resubmit(44)), (Output(3),))),
    Group(2**24 - 1, tuple(Bucket((SetField(register(5), n), Resubmit(44)), weight=n % 7) for n in range(256))),
    Group(2**28 - 1, (Bucket((Output(TUNNEL),), watch=TUNNEL), Bucket((), watch=1), Bucket((Output(1),), watch=2)), "failover"),
    Group(7, (Bucket((ToGroup(8),), watch_group=8), Bucket((Output(1),), watch=1)), "failover"),
    Group(8, (Bucket((Output(2),), watch=2),), "failover"),
)
METER = Meter(1, 2000, 100)
PROGRAM = Program({"all": Block(tuple(FLOWS.values()), GROUPS)}, (METER,))


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DummySwitch]:
    made = DummySwitch(tmp_path_factory.mktemp("ovs"))
    made.start()
    try:
        made.add_bridge(BRIDGE, [("p1", 1), ("p2", 2)], [("t1", TUNNEL, "192.0.2.1")])
        yield made
    finally:
        made.stop()


def test_it_dumps_what_it_was_told(switch: DummySwitch) -> None:
    switch.load(BRIDGE, PROGRAM)
    flows, groups, meters = switch.dump(BRIDGE)
    had = {flow.key: flow.value for flow in flows}
    for text, flow in FLOWS.items():
        assert had.pop(flow.key, None) == flow.value, text
    assert not had
    assert groups == {group.number: group.value for group in GROUPS}
    assert meters == {METER.number: METER.encoded}


def test_it_dumps_the_same_when_told_in_words(switch: DummySwitch) -> None:
    switch.load(BRIDGE, Program({}))
    (switch.directory / "groups").write_text("".join(f"{group.text}\n" for group in GROUPS))
    switch.ofctl("add-groups", BRIDGE, str(switch.directory / "groups"))
    assert switch.dump(BRIDGE)[1] == {group.number: group.value for group in GROUPS}


def test_a_group_becomes_one_of_another_type(switch: DummySwitch) -> None:
    for group in (Group(5, ((Output(1),),)), Group(5, (Bucket((Output(1),), watch=1),), "failover"), Group(5, ((Output(1),),))):
        flow = Flow(0, 1, (), Instructions((ToGroup(5),)), 1)
        switch.load(BRIDGE, Program({"group": Block((flow,), (group,))}))
        flows, groups, _ = switch.dump(BRIDGE)
        assert groups == {5: group.value} and len(flows) == 1


def connections(switch: DummySwitch) -> set[str]:
    """Source ports of the connections that conntrack knows."""
    lines = switch.appctl("dpctl/dump-conntrack").splitlines()
    return {line.partition("sport=")[2].partition(",")[0] for line in lines}


def flush(switch: DummySwitch, zone: int, proto: int, original: Way, reply: Way) -> set[str]:
    with OpenFlow(switch.directory / f"{BRIDGE}.mgmt") as channel:
        channel.send(messages.ct_flush(zone, proto, original, reply, 3))
        channel.barrier()
    return connections(switch)


def test_it_forgets_the_connections_that_were_meant(switch: DummySwitch) -> None:
    balance = Ct(ZONE, commit=True, nat=Nat("dst", MEMBER, ports=(8080, 8080)))
    flow = Flow(0, 1, make_match({ETH_TYPE: ETH_IP}), Instructions((balance, Output(2))), 1)
    switch.load(BRIDGE, Program({"nat": Block((flow,))}))
    for source, address in ((1001, VIP), (1002, VIP), (1003, OTHER_VIP)):
        ethernet = "in_port(1),eth(src=02:00:00:00:00:05,dst=02:00:00:00:00:06),eth_type(0x0800)"
        ip = f"ipv4(src=10.1.1.1,dst={IPv4Address(address)},proto={TCP},tos=0,ttl=64,frag=no)"
        switch.appctl("netdev-dummy/receive", "p1", f"{ethernet},{ip},tcp(src={source},dst=80),tcp_flags(syn)")
    assert connections(switch) == {"1001", "1002", "1003"}
    service, member = Way(target=VIP, target_port=80), Way(source=MEMBER, source_port=8080)
    assert flush(switch, ZONE + 1, TCP, service, member) == {"1001", "1002", "1003"}
    assert flush(switch, ZONE, 17, service, member) == {"1001", "1002", "1003"}
    assert flush(switch, ZONE, TCP, Way(), Way(source=MEMBER + 1)) == {"1001", "1002", "1003"}
    assert flush(switch, ZONE, TCP, Way(target=VIP, source_port=1001), Way()) == {"1002", "1003"}
    assert flush(switch, ZONE, TCP, service, member) == {"1003"}
    assert flush(switch, ZONE, TCP, Way(), member) == set()


def test_it_counts_what_ports_take_and_send(switch: DummySwitch) -> None:
    switch.load(BRIDGE, Program({"all": Block((Flow(0, 1, (), Instructions((Output(2),)), 1),))}))
    with OpenFlow(switch.directory / f"{BRIDGE}.mgmt") as channel:
        before = port_stats(channel)
        switch.appctl("netdev-dummy/receive", "p1", "00" * 12 + "88b5" + "00" * 46)
        after = port_stats(channel)
    assert set(after) == {1, 2, TUNNEL, 0xFFFFFFFE}
    assert counted(before[1], after[1]) == (1, 60, 0, 0)
    assert counted(before[2], after[2]) == (0, 0, 1, 60)


def port_stats(channel: OpenFlow) -> dict[int, PortStats]:
    channel.send(messages.port_stats_request(5))
    while (data := channel.receive())[1] != messages.MULTIPART_REPLY:
        pass
    part = parse_multipart(data)
    assert (part.kind, part.more) == (messages.STATS_PORT, False)
    return {stats.port: stats for stats in parse_port_stats(part.body)}


def counted(before: PortStats, after: PortStats) -> tuple[int, ...]:
    """Packets and bytes received and sent in between."""
    names = ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes")
    return tuple(getattr(after, name) - getattr(before, name) for name in names)
