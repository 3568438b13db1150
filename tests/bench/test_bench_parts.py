"""What the harness computes and writes, without a lab."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.packet import Raw

from tests.bench import networks, networks_out
from tests.bench.agents import wire
from tests.bench.agents.offering import offer
from tests.bench.effort import FULL, QUICK
from tests.bench.ovn_words import make_tenant, remove_tenant, transaction
from tests.bench.ovn_words_out import make_external, make_floating, make_way_out, remove_floating
from tests.bench.report import as_json, as_markdown, cell
from tests.bench.results import OURS, OVN, PLAIN, Aim, Figure, Report, Row
from tests.bench.stats import Sample, ratios


def test_a_sample_tells_median_spread_and_percentiles() -> None:
    sample = Sample.of(range(100, 0, -1))
    assert (sample.n, sample.median, sample.low, sample.high) == (100, 50.5, 1, 100)
    assert [sample.percentile(p) for p in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert Sample.of([3]).percentile(99) == 3


@pytest.mark.parametrize("values", [[], [float("nan")], [1, float("inf")]])
def test_what_is_not_measured_is_no_sample(values: list[float]) -> None:
    with pytest.raises(ValueError, match="not a sample"):
        Sample.of(values)


def test_ratios_are_of_turns_not_of_medians() -> None:
    assert ratios(Sample.of([10, 40]), Sample.of([20, 20])).values == (0.5, 2.0)
    with pytest.raises(ValueError, match="2 turns against 1"):
        ratios(Sample.of([1, 2]), Sample.of([1]))


def test_an_aim_is_about_our_median_or_a_ratio() -> None:
    samples = {OURS: Sample.of([98, 96, 97]), PLAIN: Sample.of([100, 100, 100])}
    assert Row("r", "", samples, aim=Aim("", 97)).verdict() == (97, True)
    assert Row("r", "", samples, aim=Aim("", 96)).verdict() == (97, False)
    assert Row("r", "", samples, aim=Aim("", 0.97, at_least=True, of=PLAIN)).verdict() == (0.97, True)
    assert Row("r", "", samples, aim=Aim("", 0.98, at_least=True, of=PLAIN)).verdict() == (0.97, False)
    assert Row("r", "", samples, aim=Aim("", 1, of=OVN)).verdict() is None
    assert Row("r", "", samples).verdict() is None


def test_a_cell_shows_only_what_there_is_to_show() -> None:
    row = Row("r", "ms", {}, digits=1, percentile=99)
    assert cell(row, Sample.of([1234.56])) == "1,234.6 ms"
    assert cell(row, Sample.of([1, 2, 4])) == "2.0 ms [1.0..4.0]"
    assert cell(row, Sample.of(range(1, 51))) == "25.5 ms [1.0..50.0], p99 50.0"


def _report() -> Report:
    met = Row("fast", "ms", {OURS: Sample.of([1, 2]), OVN: Sample.of([2, 4])}, aim=Aim("under 20 ms", 20))
    missed = Row("few", "", {OURS: Sample.of([9])}, digits=0, aim=Aim("at most 6", 6))
    figure = Figure("f", "Some figure", "How it was done.", (met, missed), ("A remark.",))
    return Report({"processor": "2 cores"}, "2026-01-02", False, 120.0, [figure], {"g": "NoAnswer: none came"})


def test_the_report_says_what_was_met_missed_and_not_measured() -> None:
    text = as_markdown(_report())
    assert "| Some figure: fast | under 20 ms | 1.5 ms [1.0..2.0] | yes |" in text
    assert "| Some figure: few | at most 6 | 9 | **no** |" in text
    assert "|  | ryu_overlay | OVN | ours / OVN | n | aim |" in text
    assert "| fast | 1.5 ms [1.0..2.0] | 3.0 ms [2.0..4.0] | 0.50 [0.50..0.50] | 2 | under 20 ms |" in text
    assert "## Not measured\n\n* g: NoAnswer: none came" in text
    assert "short run" not in text and PLAIN + " |" not in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 120


def test_the_json_holds_every_value() -> None:
    text = as_json(_report())
    assert '"values": [1.0, 2.0]' in text
    row = json.loads(text)["figures"][0]["rows"][0]
    assert row["sides"][OVN]["median"] == 3 and row["ratios"][OVN]["values"] == [0.5, 0.5] and row["met"] is True


def test_the_networks_have_the_size_they_say_and_no_two_ports_alike() -> None:
    documents = networks.tenants(1000)
    ports = [port for document in documents for switch in document["switches"] for port in switch["ports"]]
    assert len(documents) == 100 and len(ports) == 1000
    everywhere = [networks.small(), *documents]
    macs = [p["mac"] for d in everywhere for part in (*d["switches"], *d["routers"]) for p in part["ports"]]
    assert len(macs) == len(set(macs)) == 1000 + 4 + 202
    spots = list(networks.places(documents))
    assert [place.port for place in spots] == [port["name"] for port in ports]
    assert {place.chassis for place in spots[:10]} == {1, 2, 3}


def test_a_tenant_in_the_words_of_ovn_nbctl() -> None:
    document = {
        "name": "t",
        "switches": [{"name": "a", "subnets": ["10.0.1.0/24"], "ports": [networks.port("p", "02:00:00:00:00:01", "10.0.1.2")]}],
        "routers": [{"name": "r", "ports": [{"name": "a", "mac": "02::1", "addresses": ["10.0.1.1/24"], "switch": "a"}]}],
    }
    assert [" ".join(command) for command in make_tenant(document)] == [
        "ls-add t.a",
        "lsp-add t.a p",
        "lsp-set-addresses p 02:00:00:00:00:01 10.0.1.2",
        "lr-add t.r",
        "lrp-add t.r t.r-a 02::1 10.0.1.1/24",
        "lsp-add t.a t.r-a-r",
        "lsp-set-type t.r-a-r router",
        "lsp-set-addresses t.r-a-r router",
        "lsp-set-options t.r-a-r router-port=t.r-a",
    ]
    assert transaction(remove_tenant(document)) == ["--if-exists", "lr-del", "t.r", "--", "--if-exists", "ls-del", "t.a"]


def test_many_uplinks_have_the_size_they_say_and_no_two_addresses_alike() -> None:
    documents = networks_out.uplinks(300, 1000)
    routers = [router for document in documents for router in document["routers"]]
    floating = [each["address"] for router in routers for each in router["floating_ips"]]
    ups = [port["addresses"][0].partition("/")[0] for router in routers for port in router["ports"] if "external" in port]
    assert (len(ups), len(floating)) == (300, 1000) and len({*ups, *floating}) == 1300
    assert networks_out.WIDE["gateway"] not in (*ups, *floating)
    macs = [p["mac"] for d in documents for part in (*d["switches"], *d["routers"]) for p in part["ports"]]
    assert len(macs) == len(set(macs)) == 1000 + 600
    names = {place.port for place in networks.places(documents)}
    assert {each["port"] for router in routers for each in router["floating_ips"]} == names
    assert {place.port for place in networks.places(networks.tenants(2500))}.isdisjoint(names)


def test_a_way_out_in_the_words_of_ovn_nbctl() -> None:
    document = networks_out.way_out()
    external = {"name": "internet", "physical_network": "physnet1", "gateway": "203.0.113.1"}
    floating = networks_out.floating(101, "behind")
    assert [" ".join(command) for command in make_external(external)][1:3] == [
        "lsp-add internet internet-physical",
        "lsp-set-type internet-physical localnet",
    ]
    words = [" ".join(command) for command in make_way_out(document, {"internet": "203.0.113.1"})]
    assert words[0] == "lrp-add bench.r bench.r-up 02:ff:00:00:03:01 203.0.113.11/24"
    assert words[5:8] == [
        "lrp-set-gateway-chassis bench.r-up hv3 20",
        "lrp-set-gateway-chassis bench.r-up hv2 19",
        "lr-route-add bench.r 0.0.0.0/0 203.0.113.1",
    ]
    assert words[9:] == [
        "lr-nat-add bench.r snat 203.0.113.11 10.0.0.0/16",
        "lb-add bench.web 203.0.113.20:80 10.0.1.11:8080,10.0.1.13:8080,10.0.2.11:8080 tcp",
        "lr-lb-add bench.r bench.web",
    ]
    made = "lr-nat-add bench.r dnat_and_snat 203.0.113.101 10.0.2.11 behind 02:fe:cb:00:71:65"
    assert " ".join(make_floating(document, "r", floating)) == made
    assert " ".join(remove_floating(document, "r", floating)) == "lr-nat-del bench.r dnat_and_snat 203.0.113.101"
    removed = [" ".join(command) for command in remove_tenant(document)]
    assert removed[:2] == ["--if-exists lb-del bench.web", "--if-exists lsp-del bench.r-out"]


def test_the_probers_speak_icmp() -> None:
    request = ICMP(wire.echo_request(0x1234, 7))
    checksum = request.chksum
    del request.chksum
    assert ICMP(bytes(request)).chksum == checksum
    reply = IP(src="10.0.0.1") / ICMP(type=0, id=0x1234, seq=7) / Raw(bytes(56))
    assert wire.read(bytes(reply)) == (wire.ECHO_REPLY, 0x1234, 7)
    expired = IP(src="10.0.0.1") / ICMP(type=11) / IP(dst="10.0.0.9", ttl=1) / ICMP(type=8, id=0x1234, seq=7)
    assert wire.read(bytes(expired)) == (wire.TIME_EXCEEDED, 0x1234, 7)
    assert wire.read(bytes(IP() / ICMP(type=11))[:32]) is None


@pytest.mark.parametrize("rate", [20, 150, 3000])
def test_what_is_offered_is_sent_no_sooner_than_asked(rate: int) -> None:
    times: list[float] = []
    sent, _ = offer(lambda: times.append(time.monotonic()), rate, 0.3)
    assert sent == len(times) and 0 < sent <= rate * 0.3
    assert times[-1] - times[0] >= (sent - 3) / rate - 0.004


def test_an_offer_ends_when_told() -> None:
    sent, took = offer(lambda: os.kill(os.getpid(), signal.SIGTERM), 100, 60)
    assert sent == 1 and took < 30


def test_the_full_run_is_the_one_the_aims_are_about() -> None:
    assert FULL.scales[-1] == FULL.in_place == 1000 and FULL.connections == 20_000
    assert FULL.first_packet_rounds == 50 and FULL.one_more_rounds >= 20 and FULL.rates[-1] == 25_000
    assert QUICK.in_place <= QUICK.scales[-1]
    assert FULL.failovers == 7 and (FULL.uplinks, FULL.floating_ips) == (300, 1000) and FULL.at_once == 10_000
    assert FULL.floating_rounds <= networks_out.MOST_FLOATING
