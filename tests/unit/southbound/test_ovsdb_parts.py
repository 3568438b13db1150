"""The parts of the OVSDB side that need no database: framing, claims, settings, names, VIFs with one iface-id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.fabric.facts import Vif
from ryu_overlay.southbound.ovsdb_claims import Claims, Identity, Unidentified, identify
from ryu_overlay.southbound.ovsdb_link import endpoint
from ryu_overlay.southbound.ovsdb_plan import tunnel_name
from ryu_overlay.southbound.ovsdb_settings import bridge_mappings, datapath_type, underlay_mtu
from ryu_overlay.southbound.ovsdb_vifs import VifIndex
from ryu_overlay.southbound.ovsdb_wire import Framer

TEXT = st.text(max_size=6) | st.text('"\\\\{}', max_size=6)
JSON = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.dictionaries(TEXT, JSON, max_size=3), max_size=4), st.integers(1, 40), st.booleans(), st.sampled_from(["", "\n "])
)
def test_framer_gives_back_what_was_sent_however_it_is_cut(sent: list[Any], size: int, ascii_only: bool, gap: str) -> None:
    stream = gap.join(json.dumps(one, ensure_ascii=ascii_only) for one in sent).encode()
    framer = Framer()
    got: list[Any] = []
    for start in range(0, len(stream), size):
        got += framer.feed(stream[start : start + size])
    assert got == sent


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1", b"[]", b'"x"', b"}", b'{"a": }', b'{} x {"a":1}', b'{"a":' + b"[" * 9**6 + b"}"]
)
def test_framer_refuses_what_is_no_stream_of_objects(garbage: bytes) -> None:
    with pytest.raises(ValueError):
        Framer().feed(garbage)


def test_framer_refuses_a_message_without_end() -> None:
    framer = Framer(limit=1000)
    framer.feed(b'{"a": "')
    with pytest.raises(ValueError, match="1000 bytes"):
        for _ in range(11):
            framer.feed(b"x" * 100)


@dataclass(frozen=True)
class Caller:
    serial: int
    peer: str


def identity(name: str = "hv1", ip: str = "172.31.0.1", database: int = 1) -> Identity:
    return Identity(name, IPv4Address(ip), UUID(int=database))


ONE, TWO, THREE = (Caller(n, f"tcp:10.0.0.{n}:1") for n in (1, 2, 3))


def test_a_newer_connection_of_the_same_database_replaces_the_older_only() -> None:
    claims: Claims[Caller] = Claims()
    assert claims.claim(ONE, identity()).refused is None
    assert claims.claim(TWO, identity()).replaced is ONE
    assert claims.holder("hv1") is TWO and claims.held(ONE) is None
    assert claims.claim(ONE, identity()).refused
    assert claims.holder("hv1") is TWO


@pytest.mark.parametrize(
    "other",
    [identity(ip="172.31.0.9"), identity(name="hv9", database=9), identity(database=9), identity(ip="172.31.0.9", database=9)],
)
def test_the_second_with_a_name_or_address_in_use_is_refused_until_it_is_free(other: Identity) -> None:
    claims: Claims[Caller] = Claims()
    claims.claim(ONE, identity())
    assert claims.claim(TWO, other).refused
    assert claims.holder("hv1") is ONE and claims.held(TWO) is None
    assert claims.release(ONE) == identity()
    assert claims.claim(TWO, other).refused is None


def test_a_refused_change_leaves_what_was_held() -> None:
    claims: Claims[Caller] = Claims()
    claims.claim(ONE, identity())
    claims.claim(TWO, identity("hv2", "172.31.0.2", 2))
    assert claims.claim(TWO, identity("hv2", "172.31.0.1", 2)).refused
    assert claims.held(TWO) == identity("hv2", "172.31.0.2", 2)
    assert claims.claim(TWO, identity("hv3", "172.31.0.3", 2)).refused is None
    assert claims.holder("hv2") is None
    assert claims.claim(THREE, identity("hv2", "172.31.0.2", 3)).refused is None


NO_HOSTS = ("x", "1.2.3", "::1", "127.0.0.1", "224.0.0.1", "240.0.0.1", "0.0.0.0")


@pytest.mark.parametrize(
    ("ids", "absent"),
    [
        ({}, True),
        ({"system-id": "hv1"}, True),
        ({"overlay-encap-ip": "172.31.0.1"}, True),
        ({"system-id": "hv1", "overlay-encap-ip": ""}, True),
        ({"system-id": "-hv1", "overlay-encap-ip": "172.31.0.1"}, False),
        ({"system-id": "x" * 64, "overlay-encap-ip": "172.31.0.1"}, False),
        *(({"system-id": "hv1", "overlay-encap-ip": ip}, False) for ip in NO_HOSTS),
    ],
)
def test_who_cannot_be_a_chassis(ids: Mapping[str, str], absent: bool) -> None:
    with pytest.raises(Unidentified) as refused:
        identify(ids, UUID(int=1))
    assert refused.value.absent is absent


def test_settings() -> None:
    assert bridge_mappings({}, ()) == ((), [])
    mappings, problems = bridge_mappings({"overlay-bridge-mappings": "b:br-b, a:br-a,a:br-c,x"}, {"br-a", "br-b"})
    assert mappings == (("a", "br-a"), ("b", "br-b")) and len(problems) == 2
    assert underlay_mtu({}) == (None, [])
    assert underlay_mtu({"overlay-underlay-mtu": "9000"}) == (9000, [])
    for wrong in ("", "575", "65536", "-1", "1500.0", "9" * 5000):
        assert underlay_mtu({"overlay-underlay-mtu": wrong})[1]
    assert datapath_type({}, []) == ""
    assert datapath_type({}, ["netdev", "netdev"]) == "netdev"
    assert datapath_type({}, ["netdev", ""]) == ""
    assert datapath_type({"overlay-datapath-type": "netdev"}, [""]) == "netdev"


def test_tunnel_names_are_short_safe_and_free() -> None:
    assert tunnel_name("hv-12.a_b", ()) == "vx-hv-12.a_b"
    assert tunnel_name("x" * 12, ()) == "vx-" + "x" * 12
    others = {tunnel_name("x" * 13, ()), tunnel_name("x" * 14, ()), tunnel_name("a b", ()), tunnel_name("hv1", {"vx-hv1"})}
    assert len(others) == 4 and all(len(name) == 15 and name.isascii() and " " not in name for name in others)
    assert tunnel_name("a b", others) not in others


def test_endpoints_as_open_vswitch_writes_them() -> None:
    assert endpoint("192.0.2.1", 6653) == "tcp:192.0.2.1:6653"
    assert endpoint("2001:db8::1", 6653) == "tcp:[2001:db8::1]:6653"
    assert endpoint("fe80::1%eth0", 6653) == "tcp:[fe80::1%eth0]:6653"
    assert endpoint("::ffff:192.0.2.1", 6653) == "tcp:192.0.2.1:6653"


ROWS = st.integers(1, 5).map(lambda n: UUID(int=n))
VIFS = st.none() | st.builds(Vif, st.sampled_from("ab"), st.sampled_from(["t1", "t2", "t3"]), st.integers(1, 3))


@given(st.lists(st.tuples(ROWS, VIFS)))
def test_vif_index_equals_choosing_from_scratch(changes: list[tuple[UUID, Vif | None]]) -> None:
    index = VifIndex()
    rows: dict[UUID, Vif | None] = {}
    for row, vif in changes:
        assert index.set(row, vif) == (rows.get(row) != vif)
        rows[row] = vif
    carried = [vif for vif in rows.values() if vif is not None]
    by_id = {i: sorted(v.interface for v in carried if v.iface_id == i) for i in {v.iface_id for v in carried}}
    assert {i: vif.interface for i, vif in index.chosen.items()} == {i: names[0] for i, names in by_id.items()}
    assert index.contested() == {i: names for i, names in sorted(by_id.items()) if len(names) > 1}
