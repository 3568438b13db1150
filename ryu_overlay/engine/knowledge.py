"""What the engine knows of where things are, in the words of rooms below that must not know the engine."""

from __future__ import annotations

from ryu_overlay.engine.engine import Engine
from ryu_overlay.model.network import Network
from ryu_overlay.model.walk import Facts
from ryu_overlay.oam.journey import Places
from ryu_overlay.oam.world import World


def facts(engine: Engine, network: Network) -> Facts:
    """What the reference walk has to know beyond the network. Members that are bound nowhere are not in service."""
    pairs = (pair for views in network.balancers.values() for view in views for pair in view.members)
    dead = engine.members.dead
    out = frozenset(m.key for m, port in pairs if m.key in dead or engine.bindings.spot(port) is None)
    return Facts(engine.mtu, dict(engine.outside.neighbours.macs), out)


def world(engine: Engine) -> World:
    """What a trace has to know."""
    network = engine.network
    bound = {
        port.name: (spot.chassis, spot.ofport)
        for ref, placement in engine.bindings.placements.items()
        if ref in network.switch_views
        for port in network.switch_views[ref].ports
        if (spot := placement.spots.get(port.key)) is not None and spot.ofport is not None
    }
    names = {address: name for name, address in engine.encap_ips.items()}
    tunnels = {
        (chassis, port.ofport): names[address]
        for chassis, known in engine.facts.items()
        for address, port in known.tunnels.items()
        if address in names
    }
    patches = {(chassis, ofport): name for chassis, known in engine.uplinks.physical.items() for name, ofport in known.items()}
    connected = frozenset(name for name in engine.encap_ips if engine.bridge_of(name) is not None)
    places = Places({where: name for name, where in bound.items()}, tunnels, patches)
    where = dict(engine.bindings.placements), engine.uplinks.gateways
    return World(network, engine.programs, places, bound, connected, facts(engine, network), *where)
