"""A real bridge tells of changes to its flows: of ours in brief, of others' at length, and of those that time makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.actions import Instructions
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.openflow.replies import parse_multipart, told_by_others
from tests.dummy import DummySwitch, OpenFlow

MINE = Flow(4, 20, (), Instructions(), 0x0E7A000000000001)


class Told:
    """A connection that asked to be told."""

    def __init__(self, channel: OpenFlow) -> None:
        self._channel = channel
        channel.send(messages.flow_monitor(9))
        assert self.of() == [False], "of what was there before it tells nothing"

    def of(self, *asked: bytes) -> list[bool]:
        """Whether others made the changes of each reply, once what is asked has been done."""
        self._channel.send(b"".join((*asked, messages.barrier(7))))
        found = []
        while (data := self._channel.receive())[1] != messages.BARRIER_REPLY:
            if data[1] == messages.MULTIPART_REPLY:
                found.append(self._read(data))
        return found

    def next(self) -> bool:
        while (data := self._channel.receive())[1] != messages.MULTIPART_REPLY:
            pass
        return self._read(data)

    def _read(self, data: bytes) -> bool:
        part = parse_multipart(data)
        assert part.kind == messages.EXPERIMENTER_STATS
        return told_by_others(part.body)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DummySwitch]:
    made = DummySwitch(tmp_path_factory.mktemp("switch"))
    try:
        made.start()
        made.add_bridge("br0", [("p1", 1)], [])
        yield made
    finally:
        made.stop()


@pytest.fixture
def told(switch: DummySwitch) -> Iterator[Told]:
    with OpenFlow(switch.directory / "br0.mgmt") as channel:
        yield Told(channel)


def test_our_own_changes_are_told_in_brief(told: Told) -> None:
    changed = replace(MINE, cookie=5)
    for asked in (messages.flow_add(MINE, 1), messages.flow_add(changed, 2), messages.flow_delete(MINE.key, 3)):
        assert told.of(asked) == [False]
    assert told.of(messages.flow_delete(MINE.key, 4)) == []


@pytest.mark.parametrize(
    "change", [("add-flow", "table=4,priority=20,actions=drop"), ("mod-flows", "table=4,actions=1"), ("del-flows", "table=4")]
)
def test_changes_by_others_are_told_as_such(switch: DummySwitch, told: Told, change: tuple[str, str]) -> None:
    told.of(messages.flow_add(MINE))
    switch.ofctl(change[0], str(switch.directory / "br0.mgmt"), change[1])
    assert told.of() == [True]


def test_a_flow_whose_time_is_over_is_told_as_others(told: Told) -> None:
    assert told.of(messages.flow_add(replace(MINE, seconds=1))) == [False]
    assert told.next()
