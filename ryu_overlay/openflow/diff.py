"""What leads from the flows a bridge has to the flows it should have, and in which order to say so."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.flow import Flow, FlowKey, FlowValue, Group, GroupValue, Meter, Program

COUNTING = range(256, 3 << 16)
"""The meters that count, by number. They outlast their flows, until somebody has read what they counted last."""


@dataclass(slots=True)
class Installed:
    """What a bridge is believed to have of ours: flows by key, groups and meters by number, as they are dumped."""

    flows: dict[FlowKey, FlowValue] = field(default_factory=dict)
    groups: dict[int, GroupValue] = field(default_factory=dict)
    meters: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Change:
    """What to put and what to take away."""

    put_flows: dict[FlowKey, Flow] = field(default_factory=dict)
    delete_flows: set[FlowKey] = field(default_factory=set)
    put_groups: dict[int, Group] = field(default_factory=dict)
    delete_groups: set[int] = field(default_factory=set)
    put_meters: list[Meter] = field(default_factory=list)
    delete_meters: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        puts = self.put_flows, self.put_groups, self.put_meters
        return any((*puts, self.delete_flows, self.delete_groups, self.delete_meters))

    def messages(self, installed: Installed, xid: int) -> Iterator[bytes]:
        """The change as OpenFlow messages, in an order that never opens a hole.

        1. Meters, and groups that are new: flows point to them.
        2. Flows that are new, from the last table to the first: no packet takes them before what they lead to is there.
        3. Groups, then flows, that are there and change: what they lead to now is there.
        4. After a barrier, flows that are not wanted any more, from the first table to the last, then groups and meters.

        A barrier with the same xid ends it.
        """
        for meter in self.put_meters:
            yield messages.meter_put(meter, meter.number in installed.meters, xid)
        new_groups, old_groups = _split(self.put_groups, installed.groups)
        new_flows, old_flows = _split(self.put_flows, installed.flows)
        for group in new_groups:
            yield messages.group_put(group, False, xid)
        for flow in sorted(new_flows, key=_last_table_first):
            yield messages.flow_add(flow, xid)
        for group in old_groups:
            yield messages.group_put(group, True, xid)
        for flow in sorted(old_flows, key=_last_table_first):
            yield messages.flow_add(flow, xid)
        if self.delete_flows or self.delete_groups or self.delete_meters:
            yield messages.barrier(0)
            for key in sorted(self.delete_flows):
                yield messages.flow_delete(key, xid)
            for number in sorted(self.delete_groups):
                yield messages.group_delete(number, xid)
            for number in sorted(self.delete_meters):
                yield messages.meter_delete(number, xid)
        yield messages.barrier(xid)

    def apply(self, installed: Installed) -> None:
        """Make `installed` what it will be once the switch has done all this."""
        for key, flow in self.put_flows.items():
            installed.flows[key] = flow.value
        for key in self.delete_flows:
            installed.flows.pop(key, None)
        for number, group in self.put_groups.items():
            installed.groups[number] = group.value
        for number in self.delete_groups:
            installed.groups.pop(number, None)
        for meter in self.put_meters:
            installed.meters[meter.number] = meter.encoded
        for number in self.delete_meters:
            installed.meters.pop(number, None)


def difference(installed: Installed, program: Program, base: Program | None) -> Change:
    """What leads from `installed` to `program`.

    `base` is a program that `installed` is known to hold exactly; then only blocks that are not the same object are
    looked at. Without it everything is compared, and what is installed beyond the program is deleted, but for meters that count.
    """
    if base is None:
        old = installed.flows.keys(), installed.groups.keys(), installed.meters.keys()
        return _change(installed, program, program.flows(), program.groups(), program.own_meters(), *old)
    fresh = [block for scope, block in program.blocks.items() if base.blocks.get(scope) is not block]
    stale = [block for scope, block in base.blocks.items() if program.blocks.get(scope) is not block]
    gone = {id(flow): flow for block in stale for flow in block.flows}
    flows = [flow for block in fresh for flow in block.flows if gone.pop(id(flow), None) is None]
    old_groups = {group.number for block in stale for group in block.groups}
    groups = [group for block in fresh for group in block.groups]
    meters = [meter for block in fresh for meter in block.meters]
    old_meters = {meter.number for block in stale for meter in block.meters} | {n for n in installed.meters if n < COUNTING.start}
    return _change(installed, program, flows, groups, meters, [flow.key for flow in gone.values()], old_groups, old_meters)


def _change(
    installed: Installed,
    program: Program,
    flows: Iterable[Flow],
    groups: Iterable[Group],
    meters: Iterable[Meter],
    old_flows: Iterable[FlowKey],
    old_groups: Iterable[int],
    old_meters: Iterable[int],
) -> Change:
    """What makes `flows` and `groups` of the program be there, and those of the old ones that are not among them not."""
    wanted_flows = {flow.key: flow for flow in flows}
    wanted_groups = {group.number: group for group in groups}
    wanted_meters = {meter.number: meter for meter in (*program.meters, *meters)}
    return Change(
        put_flows={key: flow for key, flow in wanted_flows.items() if installed.flows.get(key) != flow.value},
        delete_flows={key for key in old_flows if key not in wanted_flows and key in installed.flows},
        put_groups={n: group for n, group in wanted_groups.items() if installed.groups.get(n) != group.value},
        delete_groups={n for n in old_groups if n not in wanted_groups and n in installed.groups},
        put_meters=[m for m in wanted_meters.values() if installed.meters.get(m.number) != m.encoded],
        delete_meters={n for n in old_meters if n not in COUNTING and n not in wanted_meters and n in installed.meters},
    )


def retirement(installed: Installed, program: Program, numbers: Iterable[int]) -> Change:
    """What takes away those meters that count and that the program has not."""
    wanted = {meter.number for meter in program.own_meters()}
    return Change(delete_meters={n for n in numbers if n in COUNTING and n in installed.meters} - wanted)


K = TypeVar("K")
V = TypeVar("V")


def _split(puts: Mapping[K, V], there: Container[K]) -> tuple[list[V], list[V]]:
    """What is new, and what changes something that is there."""
    return [v for k, v in puts.items() if k not in there], [v for k, v in puts.items() if k in there]


def _last_table_first(flow: Flow) -> int:
    return -flow.table
