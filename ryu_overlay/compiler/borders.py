"""Which borders a chassis has, and the blocks of its uplinks and external networks; remembers as `program` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from types import MappingProxyType

from ryu_overlay.compiler.external import clock_block, external_block, held_block
from ryu_overlay.compiler.memory import Memory, Values
from ryu_overlay.compiler.part import Part
from ryu_overlay.compiler.uplink import Border, uplink_block
from ryu_overlay.fabric.uplinks import homes
from ryu_overlay.model.external import outer_balancers
from ryu_overlay.model.network import Network, RouterView
from ryu_overlay.model.objects import Ref
from ryu_overlay.openflow.fields import mac_to_int
from ryu_overlay.openflow.flow import Block

_NOBODY: Mapping[IPv4Address, str] = MappingProxyType({})
_NO_ADDRESS = IPv4Address(0)
Ports = Mapping[str, int]
Gateways = tuple[str, ...]


class BorderCompiler:
    """Compiles what crosses uplinks, with a memory that is shared."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def uplink(
        self, chassis: str, view: RouterView, gateways: tuple[str, ...], part: Part, tunnels: Ports, patches: Ports
    ) -> Block:
        """The uplink of a router of the component, on a chassis with these ports."""
        border = self._border(chassis, view, gateways, part)
        if border is None:
            return Block()
        patch = patches.get(border.network.physical_network, 0)
        scope = ("uplink", chassis, border.uplink.key)
        made: Block = self._memory.recall(scope, (border, tunnels, patch), lambda b, t, p: uplink_block(b, t, p or None))
        return made

    def networks(
        self,
        chassis: str,
        network: Network,
        parts: Iterable[Part],
        tunnels: Ports,
        patches: Ports,
        neighbours: Mapping[Ref, Mapping[IPv4Address, str]],
    ) -> dict[object, Block]:
        """The external networks that this chassis has a border to, and the clock of each physical network."""
        blocks: dict[object, Block] = {}
        clocks: dict[str, list[Border]] = {}
        for ref, borders in sorted(self._borders(chassis, parts, patches).items()):
            view = network.external_views[ref]
            patch = patches[view.network.physical_network]
            learned = neighbours.get(ref, _NOBODY)
            scope = ("external", chassis, view.network.key)
            blocks["external", view.network.key] = self._memory.recall(scope, (view, patch, learned), external_block)
            for border in borders:
                scope = ("held", chassis, border.uplink.key)
                blocks["held", border.uplink.key] = self._memory.recall(scope, (border, patch, tunnels), held_block)
            clocks.setdefault(view.network.physical_network, []).extend(borders)
        for physical, found in clocks.items():
            macs = (neighbours.get(b.network.ref, _NOBODY).get(b.network.gateway or _NO_ADDRESS) for b in found)
            inputs = (patches[physical], Values(0 if mac is None else mac_to_int(mac) for mac in macs), tunnels, *found)
            blocks["clock", physical] = self._memory.recall(("clock", chassis, physical), inputs, clock_block)
        return blocks

    def _borders(self, chassis: str, parts: Iterable[Part], patches: Ports) -> dict[Ref, list[Border]]:
        found: dict[Ref, list[Border]] = {}
        for part in parts:
            of_part = self._memory.recall(("borders", chassis, part.device), (chassis, part), self._crossed)
            for border in of_part:
                if border.network.physical_network in patches:
                    found.setdefault(border.network.ref, []).append(border)
        return {ref: sorted(borders, key=lambda b: b.uplink.ref) for ref, borders in found.items()}

    def _crossed(self, chassis: str, part: Part) -> tuple[Border, ...]:
        """The component's borders that packets may cross on a chassis."""
        made = (self._border(chassis, view, gateways, part) for view, gateways in zip(part.routers, part.gateways))
        return tuple(border for border in made if border is not None and border.carries)

    def _border(self, chassis: str, view: RouterView, gateways: Gateways, part: Part) -> Border | None:
        uplink, network = view.uplink, view.external
        if uplink is None or network is None:
            return None
        placements = {s.switch.ref: p for s, p in zip(part.switches, part.placements)}
        home = homes(view, placements, part.physical)
        here = frozenset(key for key, where in home.items() if where == chassis)
        elsewhere = home.keys() - here if chassis in gateways else {f.key for f, _ in view.floating_ips} - here
        floating = tuple(pair for pair in view.floating_ips if pair[0].key not in elsewhere)
        keys = Values(f.key for f, _ in floating)
        choices = tuple(part.choices[b.balancer.key] for b in outer_balancers(view))
        made: Border = self._memory.recall(
            ("border", chassis, uplink.key),
            (view, Values(gateways), keys, here, *choices),
            lambda *_: Border(view, uplink, network, chassis, gateways, floating, here, choices),
        )
        return made
