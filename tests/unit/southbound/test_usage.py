"""Meters are read and written to the ledger: whatever dies in between, each packet is written once."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ryu_overlay.accounting.keeper import Keeper
from ryu_overlay.accounting.ledger import Ledger
from ryu_overlay.accounting.values import Use
from ryu_overlay.engine.events import MetersRead
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import RouterPort
from ryu_overlay.pipeline.accounts import Line, meter_of
from ryu_overlay.southbound.ledger_link import LedgerAway, Superseded
from ryu_overlay.southbound.usage import Keeping, Usage
from tests.unit.model.bodies import edit

LENGTH = 300


class Link:
    """The ledger's process without one. `fails` is what the next write does: "before" or "after" it is done, it dies."""

    def __init__(self, url: str) -> None:
        self.process = 0
        self.fails = ""
        self._url = url
        self._keeper: Keeper | None = None

    def stands(self, process: int) -> bool:
        return process == self.process and self._keeper is not None

    def ask(self, do: str, **what: Any) -> dict[str, Any]:
        if self._keeper is None:
            self.process += 1
            self._keeper = Keeper(lambda: Ledger(self._url))
        keeper, fails = self._keeper, self.fails if do == "write" else ""
        answer = {} if fails == "before" else keeper.answer({"do": do, **what})
        if fails:
            self.fails, self._keeper = "", None
            raise LedgerAway("it died")
        if answer.get("superseded"):
            raise Superseded(answer["error"])
        return answer


class World:
    """A chassis with one meter, and time that stands still unless it is told to go on."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url = url
        self.now, self.packets, self.age, self.flows = 1000.0, 0, 1.0, 1
        self.posted: list[Any] = []
        network = edit(Network(), "external_network", "internet", EXTERNAL).network
        self.network = edit(network, "tenant", "red", RED).network
        (self.uplink,) = (obj for obj in self.network.accounts.values() if isinstance(obj, RouterPort))
        self.number = meter_of(Line(self.uplink.account, "internet", "out"))
        monkeypatch.setattr("ryu_overlay.southbound.usage.time.time", lambda: self.now)
        self.link = Link(url)
        self.begin()

    def begin(self) -> None:
        """A controller starts."""
        engine = SimpleNamespace(
            ready=True, bridges=[SimpleNamespace(dpid=1, chassis="hv1")], encap_ips={"hv1": None}, network=self.network
        )
        loop: Any = SimpleNamespace(engine=engine, post=self.posted.append)
        switches: Any = SimpleNamespace(ask=lambda dpid, request: [self.body()])
        self.usage = Usage(loop, switches, self.url, Keeping(LENGTH))
        self.usage._link = self.link  # type: ignore[assignment]

    def body(self) -> bytes:
        other = struct.pack("!IH6xIQQII", 3, 40, 1, 999, 999, 99, 0)
        ours = struct.pack("!IH6xIQQII", self.number, 40, self.flows, self.packets, 100 * self.packets, int(self.age), 0)
        return other + ours

    def go_on(self, seconds: float, packets: int = 0) -> None:
        self.now, self.age, self.packets = self.now + seconds, self.age + seconds, self.packets + packets
        self.usage._read()

    def write(self) -> None:
        try:
            self.usage._write()
        except LedgerAway:
            assert self.link.fails == ""

    def written(self) -> dict[int, int]:
        """Packets by the start of their interval."""
        found = self.usage.of(0, 1e12, coarse=False)
        use = Use(self.uplink.uuid, "internet", "out")
        assert {used.use for used in found.used} <= {use}
        return {used.start: used.count.packets for used in found.used}


EXTERNAL = {"physical_network": "physnet1", "subnet": "203.0.113.0/24", "gateway": "203.0.113.1"}
UPLINK = {"name": "up", "external": "internet", "addresses": ["203.0.113.11/24"]}
RED = {"routers": [{"name": "r1", "ports": [UPLINK]}]}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(f"sqlite:///{tmp_path}/usage.db", monkeypatch)
    made.write()
    made.go_on(0.0)
    return made


def test_what_was_read_is_written_into_the_interval_in_which_it_was_read(world: World) -> None:
    world.go_on(199.0, 5)
    world.go_on(2.0, 3)
    world.write()
    assert world.written() == {900: 5, 1200: 3}


@pytest.mark.parametrize("fails", ["before", "after"])
def test_a_ledger_that_dies_while_it_writes_has_it_once(world: World, fails: str) -> None:
    world.go_on(1.0, 5)
    world.link.fails = fails
    world.write()
    world.go_on(1.0, 2)
    world.write()
    assert world.written() == {900: 7}


@pytest.mark.parametrize("fails", ["", "before", "after"])
def test_a_controller_that_dies_goes_on_from_what_was_written(world: World, fails: str) -> None:
    world.go_on(1.0, 5)
    world.link.fails = fails
    world.write()
    world.go_on(1.0, 2)
    world.begin()
    world.write()
    world.go_on(1.0, 4)
    assert sum(world.written().values()) == 11


def test_while_the_ledger_is_away_nothing_is_lost_and_it_is_said(world: World) -> None:
    for _ in range(3):
        world.go_on(300.0, 1)
        world.link.fails = "before"
        world.write()
    assert world.written() == {1200: 1, 1500: 1, 1800: 1}
    assert world.usage.away is None


def test_who_finds_another_at_work_begins_anew_from_what_that_one_wrote(world: World) -> None:
    world.go_on(1.0, 5)
    world.write()
    first = world.usage
    world.link = Link(world.url)
    world.begin()
    world.write()
    world.go_on(1.0, 2)
    world.write()
    with pytest.raises(LedgerAway):
        first._read()
        first._write()
    assert first.meter is None
    first._write()
    first._read()
    assert [used.count.packets for used in first.of(0, 1e12, coarse=False).used] == [7]


def test_a_meter_that_nothing_leads_to_is_told_to_have_been_read(world: World) -> None:
    world.go_on(1.0, 5)
    world.flows = 0
    world.go_on(1.0)
    assert world.posted == [MetersRead(1, frozenset({world.number}))]


def test_rates_are_those_of_the_last_readings(world: World) -> None:
    for _ in range(10):
        world.go_on(1.0, 7)
    ((use, rate),) = world.usage.rates().items()
    assert (use.way, rate) == ("out", (7.0, 700.0))
    for _ in range(5):
        world.go_on(1.0)
    assert world.usage.rates() == {}
