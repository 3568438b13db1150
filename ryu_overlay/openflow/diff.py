"""What leads from the flows a bridge has to the flows it should have, and in which order to say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ryu_overlay.openflow import messages
from ryu_overlay.openflow.flow import Block, Flow, FlowKey, FlowValue, Group, Meter, Program


@dataclass(slots=True)
class Installed:
    """What a bridge is believed to have of ours: flows by key, groups and meters by number, as their bytes."""

    flows: dict[FlowKey, FlowValue] = field(default_factory=dict)
    groups: dict[int, bytes] = field(default_factory=dict)
    meters: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Change:
    """What to put and what to take away."""

    put_flows: dict[FlowKey, Flow] = field(default_factory=dict)
    delete_flows: set[FlowKey] = field(default_factory=set)
    put_groups: dict[int, Group] = field(default_factory=dict)
    delete_groups: set[int] = field(default_factory=set)
    put_meters: list[Meter] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.put_flows, self.delete_flows, self.put_groups, self.delete_groups, self.put_meters))

    def messages(self, installed: Installed, xid: int) -> Iterator[bytes]:
        """The change as OpenFlow messages, in an order that never opens a hole.

        What flows point to comes before them; tables are filled from the last to the first; what is no longer wanted
        goes after a barrier. A barrier with the same xid ends it.
        """
        for meter in self.put_meters:
            yield messages.meter_put(meter, meter.number in installed.meters, xid)
        for group in self.put_groups.values():
            yield messages.group_put(group, group.number in installed.groups, xid)
        for flow in sorted(self.put_flows.values(), key=lambda f: -f.table):
            yield messages.flow_add(flow, xid)
        if self.delete_flows or self.delete_groups:
            yield messages.barrier(0)
            for key in sorted(self.delete_flows):
                yield messages.flow_delete(key, xid)
            for number in sorted(self.delete_groups):
                yield messages.group_delete(number, xid)
        yield messages.barrier(xid)

    def apply(self, installed: Installed) -> None:
        """Make `installed` what it will be once the switch has done all this."""
        for key, flow in self.put_flows.items():
            installed.flows[key] = flow.value
        for key in self.delete_flows:
            installed.flows.pop(key, None)
        for number, group in self.put_groups.items():
            installed.groups[number] = group.encoded
        for number in self.delete_groups:
            installed.groups.pop(number, None)
        for meter in self.put_meters:
            installed.meters[meter.number] = meter.encoded


def difference(installed: Installed, program: Program, base: Program | None) -> Change:
    """What leads from `installed` to `program`.

    `base` is a program that `installed` is known to hold exactly; then only blocks that are not the same object are
    looked at. Without it everything is compared, and what is installed beyond the program is deleted.
    """
    change = Change()
    if base is None:
        _compare(change, installed, program.blocks, set(installed.flows), set(installed.groups))
    else:
        fresh = {scope: block for scope, block in program.blocks.items() if base.blocks.get(scope) is not block}
        stale = [block for scope, block in base.blocks.items() if program.blocks.get(scope) is not block]
        flows = {f.key for block in stale for f in block.flows}
        groups = {g.number for block in stale for g in block.groups}
        _compare(change, installed, fresh, flows, groups)
    change.put_meters = [m for m in program.meters if installed.meters.get(m.number) != m.encoded]
    return change


def _compare(
    change: Change, installed: Installed, blocks: Mapping[object, Block], old_flows: set[FlowKey], old_groups: set[int]
) -> None:
    for block in blocks.values():
        for flow in block.flows:
            old_flows.discard(flow.key)
            if installed.flows.get(flow.key) != flow.value:
                change.put_flows[flow.key] = flow
        for group in block.groups:
            old_groups.discard(group.number)
            if installed.groups.get(group.number) != group.encoded:
                change.put_groups[group.number] = group
    change.delete_flows = {key for key in old_flows if key in installed.flows}
    change.delete_groups = {number for number in old_groups if number in installed.groups}
