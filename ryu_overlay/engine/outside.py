"""What the engine says and hears on external networks: ARP, announcements, packets whose next hop was not known.

It turns questions of `Neighbours` and changes of who holds which external address into packet-outs. Where packets go is the
pipeline's: a frame enters it at the table that leads where it has to go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from ryu_overlay.engine.bindings import Bindings
from ryu_overlay.engine.bridges import Bridges
from ryu_overlay.engine.events import ArpHeard, Effect, Send, Unresolved
from ryu_overlay.engine.neighbours import Neighbours, Question
from ryu_overlay.engine.uplinks import Uplinks
from ryu_overlay.fabric.uplinks import homes
from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import Network, RouterView
from ryu_overlay.model.objects import ExternalNetwork, Ref, RouterPort
from ryu_overlay.oam import arp
from ryu_overlay.oam.icmp import Reason, answer
from ryu_overlay.openflow.actions import Action, Resubmit, SetField, encode_actions
from ryu_overlay.openflow.fields import ETH_DST, mac_to_int
from ryu_overlay.openflow.messages import packet_out
from ryu_overlay.pipeline.registers import DATAPATH, HOME, IN_LPORT
from ryu_overlay.pipeline.tables import EXT_OUT, EXT_PHYSICAL, LR_IN_ADMIT


@dataclass(frozen=True, slots=True)
class _Held:
    """An external address of a network (by key), and the MAC that answers for it."""

    network: int
    address: IPv4Address
    mac: str


class Outside:
    """The controller's own traffic on external networks. `neighbours.macs` is for the compiler."""

    def __init__(self, bridges: Bridges, bindings: Bindings, uplinks: Uplinks) -> None:
        self.neighbours = Neighbours()
        self._bridges = bridges
        self._bindings = bindings
        self._uplinks = uplinks
        self._holders: dict[_Held, str] | None = None
        self._sources: tuple[object, ...] = ()
        self._again: list[_Held] = []
        self._ready: list[Effect] = []

    def heard(self, event: ArpHeard, network: Network, now: float) -> bool:
        """A bridge heard ARP. Whether that changes what is known; packets that waited for it come with `flush`."""
        external, said = network.by_key.get(event.network), arp.parse(event.frame)
        if not isinstance(external, ExternalNetwork) or said is None or said.spa not in external.subnet:
            return False
        news, packets = self.neighbours.heard(external.ref, said.spa, said.sha, now)
        for packet in packets:
            to = (SetField(DATAPATH.field, external.key), SetField(ETH_DST, mac_to_int(said.sha)), Resubmit(EXT_OUT.number))
            self._ready.append(_out(packet.dpid, to, packet.frame))
        return news

    def unresolved(self, event: Unresolved, network: Network) -> None:
        """A bridge has a packet for an address whose MAC is not known."""
        external = network.by_key.get(event.network)
        if isinstance(external, ExternalNetwork) and event.next_hop in external.subnet:
            self._ask(self.neighbours.unresolved(external.ref, event), network)

    def tick(self, network: Network, now: float) -> bool:
        """A second has passed. Whether neighbours were forgotten."""
        speaking = [ref for ref in network.external_views if self._speaker(ref, network) is not None]
        forgotten, questions, given_up = self.neighbours.tick(network, speaking, now)
        self._ask(questions, network)
        for packet in given_up:
            self._ready += self._unreachable(packet, network)
        again, self._again = self._again, []
        self._ready += self._announcements(again)
        return forgotten

    def announce(self, network: Network) -> None:
        """Tell of external addresses that another chassis holds now, or that are new. What is there at the start is known."""
        sources = (network.external_views, dict(self._uplinks.gateways), self._uplinks.physical, self._bindings.version)
        if sources == self._sources:
            return
        before, self._holders, self._sources = self._holders, dict(self._held(network)), sources
        if before is not None:
            moved = [held for held, chassis in self._holders.items() if before.get(held) != chassis]
            self._again += moved
            self._ready += self._announcements(moved)

    def flush(self) -> list[Effect]:
        """What is to be sent, after the flows that it may need."""
        ready, self._ready = self._ready, []
        return ready

    def _ask(self, questions: Iterable[Question], network: Network) -> None:
        for question in questions:
            found = self._speaker(question.network, network)
            if found is not None:
                dpid, uplink = found
                key = network.tables["external_network"][question.network].key
                frame = arp.request(uplink.mac, uplink.addresses[0].ip, question.address)
                self._ready.append(to_wire(dpid, key, frame))

    def _speaker(self, ref: Ref, network: Network) -> tuple[int, RouterPort] | None:
        """A bridge that carries an uplink into the network, and the uplink in whose name it speaks."""
        for uplink in network.uplinks(ref):
            physical = network.tables["external_network"][ref].physical_network
            for chassis in self._uplinks.gateways.get(uplink.ref, ())[:1]:
                bridge = self._bridges.of(chassis)
                if bridge is not None and uplink.addresses and physical in self._uplinks.physical.get(chassis, {}):
                    return bridge.dpid, uplink
        return None

    def _held(self, network: Network) -> Iterator[tuple[_Held, str]]:
        for view in network.external_views.values():
            for router in view.routers:
                yield from self._held_by(view.network, router)

    def _held_by(self, external: ExternalNetwork, router: RouterView) -> Iterator[tuple[_Held, str]]:
        uplink = router.uplink
        if uplink is None:
            return
        gateway = next(iter(self._uplinks.gateways.get(uplink.ref, ())), None)
        at_home = homes(router, self._bindings.placements, self._uplinks.physical)
        for address in own_addresses(router):
            if gateway is not None:
                yield _Held(external.key, address, uplink.mac), gateway
        for floating, _ in router.floating_ips:
            holder = at_home.get(floating.key, gateway)
            if holder is not None:
                yield _Held(external.key, floating.address, floating.mac), holder

    def _announcements(self, moved: Iterable[_Held]) -> Iterator[Effect]:
        for held in moved:
            bridge = self._bridges.of((self._holders or {}).get(held, ""))
            if bridge is not None:
                yield to_wire(bridge.dpid, held.network, arp.announcement(held.mac, held.address))

    def _unreachable(self, packet: Unresolved, network: Network) -> Iterator[Effect]:
        """Tell the sender, through the border that its packet left by: so conntrack finds out who that is."""
        uplink = network.by_key.get(packet.uplink)
        if not isinstance(uplink, RouterPort) or not uplink.addresses:
            return
        router = network.router_views[uplink.tenant, uplink.router].router
        reply = answer(Reason.HOST_UNREACHABLE, packet.frame, int(uplink.addresses[0].ip))
        if reply is not None:
            place = (SetField(DATAPATH.field, router.key), SetField(IN_LPORT.field, uplink.key), SetField(HOME.field, 1))
            yield _out(packet.dpid, (*place, Resubmit(LR_IN_ADMIT.number)), reply)


def to_wire(dpid: int, network: int, frame: bytes) -> Send:
    """A frame that goes out to an external network, by key, as it is."""
    return _out(dpid, (SetField(DATAPATH.field, network), Resubmit(EXT_PHYSICAL.number)), frame)


def _out(dpid: int, actions: tuple[Action, ...], frame: bytes) -> Send:
    return Send(dpid, (packet_out(encode_actions(actions), frame),))
