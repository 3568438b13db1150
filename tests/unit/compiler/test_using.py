"""Which meter counts what crosses an uplink, and what stays inside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ryu_overlay.compiler.using import inside_block
from ryu_overlay.model.numbers import MAC_PREFIX
from ryu_overlay.model.objects import FloatingIp, RouterPort
from ryu_overlay.openflow.fields import ETH_IP, ETH_SRC, ETH_TYPE, IPV4_DST, IPV4_SRC, TUN_ID, Field, mac_to_int
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.pipeline.accounts import Line, Peer, Way, line_of
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT, LINK, OUT_LPORT, PROBE
from ryu_overlay.pipeline.tables import USE_IN, USE_IN_PEER, USE_INSIDE, USE_OUT, USE_OUT_PEER
from tests.unit.compiler.test_borders import CHASSIS, network, usual

NETWORK = network()
UPLINK: RouterPort = NETWORK.tables["router_port"]["red", "r1", "up"]
WEB: FloatingIp = NETWORK.tables["floating_ip"]["red", "r1", "web"]
BLUE: RouterPort = NETWORK.tables["router_port"]["blue", "r1", "up"]
INTERNET = NETWORK.tables["external_network"]["internet",].key
SERVER = 0xC6336401


def counted(chassis: str, way: Way, own: int, other: int, mac: int = 0, probe: int = 0) -> Line | None:
    """What the meter counts that a packet between an external address of red's and another passes on a chassis."""
    lookup = Lookup(usual()[chassis].flows())
    outward = way == "out"
    source, target = (own, other) if outward else (other, own)
    port = OUT_LPORT if outward else IN_LPORT
    state: dict[Field, int] = {
        DATAPATH.field: INTERNET,
        port.field: UPLINK.key,
        ETH_TYPE: ETH_IP,
        ETH_SRC: mac,
        IPV4_SRC: source,
        IPV4_DST: target,
        PROBE.field: probe,
    }
    peer = lookup.find((USE_OUT_PEER if outward else USE_IN_PEER).number, state)
    assert peer is not None
    (action,) = peer.instructions.actions
    state[LINK.field] = action.value  # type: ignore[union-attr]
    found = lookup.find((USE_OUT if outward else USE_IN).number, state)
    assert found is not None
    return None if found.instructions.meter is None else line_of(found.instructions.meter)


@pytest.mark.parametrize(
    ("own", "account"),
    [(int(UPLINK.addresses[0].ip), UPLINK.account), (int(WEB.address), WEB.account)],
    ids=["uplink", "floating"],
)
@pytest.mark.parametrize(
    ("other", "mac", "peer"),
    [
        (SERVER, 0x02AA00000001, "internet"),
        (int(WEB.address), mac_to_int(WEB.mac), "own"),
        (int(UPLINK.addresses[0].ip), mac_to_int(UPLINK.mac), "own"),
        (int(BLUE.addresses[0].ip), mac_to_int(BLUE.mac), "others"),
    ],
)
@pytest.mark.parametrize("way", ["out", "in"])
def test_a_packet_is_counted_by_whose_the_other_end_is(
    way: Way, own: int, account: int, other: int, mac: int, peer: Peer
) -> None:
    assert counted("hv1", way, own, other, mac) == Line(account, peer, way)


def test_whom_a_packet_comes_from_is_told_by_its_mac() -> None:
    """A rule's address that is not known here yet is not the internet's; nor is a MAC of ours that nobody knows."""
    own = int(UPLINK.addresses[0].ip)
    assert counted("hv1", "in", own, SERVER, mac_to_int(UPLINK.mac)) == Line(UPLINK.account, "own", "in")
    assert counted("hv1", "in", own, SERVER, MAC_PREFIX | 0xFFFFFE) == Line(UPLINK.account, "others", "in")


def test_probes_are_not_counted() -> None:
    assert counted("hv1", "out", int(WEB.address), SERVER, probe=1) is None


def test_meters_are_where_the_border_may_be_crossed() -> None:
    def accounts(chassis: str) -> set[int]:
        lines = (line_of(meter.number) for meter in usual()[chassis].own_meters())
        return {line.account for line in lines if line is not None and line.peer != "inside"}

    assert {name: UPLINK.account in accounts(name) for name in CHASSIS} == {"hv1": True, "hv2": True, "hv3": False, "hv4": True}


@pytest.mark.parametrize(("vni", "is_counted"), [(0, True), (UPLINK.vni, False), (77, False)])
def test_what_vms_here_send_to_each_other_is_inside(vni: int, is_counted: bool) -> None:
    tenant = NETWORK.tables["tenant"]["red",]
    switch = NETWORK.port_by_name["red-1"].switch
    state = {DATAPATH.field: NETWORK.tables["switch"]["red", switch].key, TUN_ID: vni, PROBE.field: 0}
    found = Lookup(usual()["hv1"].flows()).find(USE_INSIDE.number, state)
    assert found is not None
    assert found.instructions.meter == (inside_block(tenant).meters[0].number if is_counted else None)


def test_what_has_no_account_yet_is_not_counted() -> None:
    """As in a database from before there were any."""
    assert inside_block(replace(NETWORK.tables["tenant"]["red",], account=0)).meters == ()
