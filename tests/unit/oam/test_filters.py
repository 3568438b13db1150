"""What an operator's filter lets through, and what is said of one that cannot be had."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv4Network

import pytest

from ryu_overlay.oam.filters import EVERYTHING, MAX_DEPTH, MAX_MATCHES, Filter, FilterError, parse_filter
from ryu_overlay.openflow.actions import Instructions
from ryu_overlay.openflow.fields import ETH_TYPE, IP_PROTO, IPV4_DST, IPV4_SRC, TCP_DST, TCP_SRC, UDP_DST, Field
from ryu_overlay.openflow.flow import Flow, make_match


def words(text: str) -> list[str]:
    return [Flow(0, 0, make_match(m), Instructions(), 0).match_text for m in parse_filter(text).matches]


PASSES = {
    "icmp": ["icmp"],
    "arp": ["arp"],
    "ip proto 47": ["ip,nw_proto=47"],
    "icmp type 8 and icmp code 0": ["icmp,icmp_type=8,icmp_code=0"],
    "udp src port 53": ["udp,udp_src=53"],
    "dst port 53": ["tcp,tcp_dst=53", "udp,udp_dst=53"],
    "tcp port 80": ["tcp,tcp_src=80", "tcp,tcp_dst=80"],
    "tcp port 80 and host 10.0.0.5": [
        *("tcp,nw_src=10.0.0.5,tcp_src=80", "tcp,nw_dst=10.0.0.5,tcp_src=80"),
        *("tcp,nw_src=10.0.0.5,tcp_dst=80", "tcp,nw_dst=10.0.0.5,tcp_dst=80"),
    ],
    "host 10.0.0.5": ["ip,nw_src=10.0.0.5", "ip,nw_dst=10.0.0.5", "arp,arp_spa=10.0.0.5", "arp,arp_tpa=10.0.0.5"],
    "arp host 10.0.0.5": ["arp,arp_spa=10.0.0.5", "arp,arp_tpa=10.0.0.5"],
    "tcp dst net 10.0.0.0/8": ["tcp,nw_dst=10.0.0.0/255.0.0.0"],
    "ip src 10.0.0.5": ["ip,nw_src=10.0.0.5"],
    "dst net 0.0.0.0/0 and ip": ["ip"],
    "ether src 02:00:00:00:00:0A": ["eth_src=02:00:00:00:00:0a"],
    "ether host 02:00:00:00:00:0a": ["eth_src=02:00:00:00:00:0a", "eth_dst=02:00:00:00:00:0a"],
    "tcp dst portrange 8000-8003": ["tcp,tcp_dst=8000/65532"],
    "src net 10.0.0.0/8 and src net 10.1.0.0/16 and udp": ["udp,nw_src=10.1.0.0/255.255.0.0"],
    "tcp and (port 22 or port 23) and src host 10.0.0.5": [
        *("tcp,nw_src=10.0.0.5,tcp_src=22", "tcp,nw_src=10.0.0.5,tcp_dst=22"),
        *("tcp,nw_src=10.0.0.5,tcp_src=23", "tcp,nw_src=10.0.0.5,tcp_dst=23"),
    ],
    "tcp || udp && dst port 53": ["tcp,tcp_dst=53", "udp,udp_dst=53"],
    "tcp dst port 80 or tcp or ip": ["ip"],
    "portrange 0-65535": ["tcp", "udp"],
}


@pytest.mark.parametrize(("text", "matches"), PASSES.items())
def test_a_filter_is_the_matches_of_which_one_has_to_be_true(text: str, matches: list[str]) -> None:
    assert words(text) == matches


@pytest.mark.parametrize("text", ["", "   "])
def test_no_filter_lets_everything_through(text: str) -> None:
    assert parse_filter(text) == EVERYTHING == Filter("", ({},))


REFUSED = {
    "not tcp": "'not' cannot be had",
    "!tcp": "'not' cannot be had",
    "greater 100": "'greater' is not known, or nothing that a flow can match",
    "ip6": "'ip6' is not known",
    "tcp[13] = 2": r"'tcp\[13\]' is not known",
    "tcp and udp": "no packet can be all of that at once",
    "host 10.0.0.5 and port 80 and arp": "no packet can be all",
    "tcp udp": "'udp' is not expected here; join",
    "tcp and": "a condition is missing at the end",
    "or tcp": "'or' is not known",
    "(tcp": r"'\)' is missing",
    "(tcp or udp icmp": "'icmp'|missing before 'icmp'",
    "tcp)": r"'\)' is not expected here",
    "port": "'port' needs a value",
    "port and tcp": "'port' needs a value",
    "tcp port http": "'http' after 'port' is not a number from 0 to 65535",
    "port 65536": "'65536' after 'port'",
    "icmp type 256": "'256' after 'type'",
    "icmp port 80": "'port' is of tcp or udp, not of icmp",
    "host 10.0.0": "'10.0.0' after 'host' is not an IPv4 address",
    "host 10.0.0.0/8": "'10.0.0.0/8' after 'host'",
    "net 10.0.0.5/8": "'10.0.0.5/8' after 'net' is not a prefix",
    "portrange 80": "'80' after 'portrange' is not two ports",
    "portrange 90-80": "'90-80'",
    "portrange 1-65534": f"needs more than {MAX_MATCHES} flows",
    "ether 02:00:00:00:00:0a": "'02:00:00:00:00:0a' is not expected after 'ether'",
    "ether src 2:0:0:0:0:a": "'2:0:0:0:0:a' after 'ether' is not a MAC",
    "ether": "'nothing' is not expected",
    "src": "'src' of what",
    "src tcp": "'tcp' is not expected after 'src'",
    "(" * (MAX_DEPTH + 1) + "tcp": "at most",
    "tcp or " * 100 + "udp": "characters",
    "host 10.0.0.5 \x00": "is not expected|not known",
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_what_cannot_be_had_is_refused_by_its_word(text: str, reason: str) -> None:
    with pytest.raises(FilterError, match=reason):
        parse_filter(text)


def passes(text: str, packet: dict[Field, int]) -> bool:
    """Whether a flow would match a packet that has these fields."""

    def hits(field: Field, given: int | tuple[int, int]) -> bool:
        value, mask = given if isinstance(given, tuple) else (given, field.full)
        return field in packet and packet[field] & mask == value & mask

    return any(all(hits(f, g) for f, g in match.items()) for match in parse_filter(text).matches)


def test_port_ranges_are_exact() -> None:
    made = random.Random(7)
    for _ in range(200):
        low, high = sorted(made.randrange(65536) for _ in range(2))
        try:
            parse_filter(text := f"udp dst portrange {low}-{high}")
        except FilterError:
            pytest.fail(f"{text} needs no more than 30 matches")
        for port in {0, 65535, low, high, max(low - 1, 0), min(high + 1, 65535), made.randrange(65536)}:
            assert passes(text, {ETH_TYPE: 0x0800, IP_PROTO: 17, UDP_DST: port}) == (low <= port <= high)


def test_conditions_in_either_order_let_the_same_packets_through() -> None:
    """Combining with `and` is exact: nothing is lost or added when prefixes and sides overlap."""
    made = random.Random(11)
    for _ in range(300):
        net = IPv4Network((made.randrange(4) << 30, made.randrange(1, 4)), strict=False)
        host = IPv4Address(made.randrange(8) << 29)
        port = made.randrange(3)
        packet = {
            ETH_TYPE: 0x0800,
            IP_PROTO: 6,
            IPV4_SRC: made.randrange(8) << 29,
            IPV4_DST: made.randrange(8) << 29,
            TCP_SRC: made.randrange(3),
            TCP_DST: made.randrange(3),
        }
        wanted = (
            any(IPv4Address(packet[f]) in net for f in (IPV4_SRC, IPV4_DST))
            and int(host) in (packet[IPV4_SRC], packet[IPV4_DST])
            and port in (packet[TCP_SRC], packet[TCP_DST])
        )
        parts = [f"net {net}", f"host {host}", f"tcp port {port}"]
        made.shuffle(parts)
        try:
            assert passes(" and ".join(parts), packet) == wanted
        except FilterError as error:
            assert "at once" in str(error) and not wanted
