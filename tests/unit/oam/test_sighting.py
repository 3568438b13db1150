"""Sightings: what packet-ins of real flows say, and which flows tenants' packets do not meet."""

from __future__ import annotations

import pytest

from ryu_overlay.oam.frames import to_frame
from ryu_overlay.oam.launch import from_port
from ryu_overlay.oam.sighting import met, only_looks, sighting
from ryu_overlay.openflow.fields import ETH_TYPE, IPV4_DST
from ryu_overlay.openflow.packet_in import parse_packet_in
from ryu_overlay.pipeline.cookies import OURS_MASK, Feature, read_cookie
from ryu_overlay.pipeline.registers import IN_LPORT, PROBE
from ryu_overlay.pipeline.table import Table
from ryu_overlay.pipeline.tables import LS_IN_LOOKUP, LS_IN_SECURITY, PHY_IN_PORT
from tests.unit.oam.bridges import Bridges, observer
from tests.unit.oam.sightings import FRAME, packet


def told(frame: bytes, ofport: int = 1) -> list[bytes]:
    """What hv1 tells of a probe from a port."""
    bridges = Bridges()
    bridges.bridges["hv1"].message(from_port(frame, ofport))
    return list(bridges._told["hv1"])


def test_a_packet_in_tells_where_the_packet_is_and_all_of_it() -> None:
    first, *_, last = told(FRAME)
    found = sighting("hv1", 5.0, first)
    assert found is not None
    assert (found.at, found.chassis, found.table, found.feature) == (5.0, "hv1", PHY_IN_PORT.number, Feature.PUNT_SEEN)
    assert (found.frame, found.state[ETH_TYPE], found.register(PROBE), found.raw) == (FRAME, 0x0800, 1, b"")
    assert found.register(IN_LPORT) == 0
    end = sighting("hv1", 5.0, last)
    assert end is not None and end.state[IPV4_DST] == 0x0A00020D


def test_where_it_ends_the_packet_in_is_kept() -> None:
    *_, last = told(to_frame(packet(ttl=1), 7))
    found = sighting("hv1", 0.0, last)
    assert found is not None and (found.feature, found.raw) == (Feature.PUNT_TTL_EXCEEDED, last)


def test_what_is_none_of_ours_is_no_sighting() -> None:
    first = told(FRAME)[0]
    assert sighting("hv1", 0.0, first[:16] + bytes(8) + first[24:]) is None
    cookie = parse_packet_in(first).cookie | 0xFF << 40
    assert cookie & OURS_MASK and read_cookie(cookie) is None
    assert sighting("hv1", 0.0, first[:16] + cookie.to_bytes(8, "big") + first[24:]) is None


@pytest.mark.parametrize(("table", "feature"), [(LS_IN_SECURITY, Feature.PORT_SECURITY), (LS_IN_LOOKUP, Feature.ROUTING)])
def test_the_flow_that_is_met_is_one_for_tenants(table: Table, feature: Feature) -> None:
    found = next(s for s in (sighting("hv1", 0.0, d) for d in told(FRAME)) if s is not None and s.table == table.number)
    flow = met(observer().lookups["hv1"], found)
    assert flow is not None and not only_looks(flow)
    why = read_cookie(flow.cookie)
    assert why is not None and why.feature is feature


def test_flows_that_only_look() -> None:
    flows = list(Bridges()._flows["hv1"])
    looking = [flow for flow in flows if only_looks(flow)]
    assert {read_cookie(flow.cookie).feature for flow in looking} == {  # type: ignore[union-attr]
        *(Feature.PUNT_SEEN, Feature.PUNT_CAUGHT, Feature.PUNT_CROSSED, Feature.PUNT_GUEST, Feature.PROBE)
    }
    assert len(looking) < len(flows)
