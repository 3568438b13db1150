"""Hands for real traces on the rig's bridges: each has an OpenFlow connection, and their tunnels are joined by an underlay.

Packet-outs, conntrack and meters are those of Open vSwitch's dummy datapath. What a bridge sends into a tunnel is caught as a
VXLAN frame where it leaves the host, given the outer addresses by which the other end knows the tunnel, and put back on the wire.
Nothing leaves by VIFs and physical networks: probes end before.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from random import Random

from mininet_topos.processes import wait_until
from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.network import Network
from ryu_overlay.oam.journey import Places
from ryu_overlay.oam.tracer import Tracer
from ryu_overlay.oam.world import World
from ryu_overlay.openflow import messages, replies
from ryu_overlay.openflow.flow import Block, Program
from ryu_overlay.openflow.replies import InstalledFlow
from tests.golden.rig import Rig
from tests.golden.telling import facts_of

HOST = IPv4Address("172.31.0.1")
"""The outer address of the whole rig."""
JUMBO = 9000
_ANSWERED_WITHIN = 1.0
_SLOWER = 20
"""How much longer is waited than where bridges have cores of their own: nothing is lost here, so this costs no time."""
_ROUTER = bytes.fromhex("020000000001")
"""The MAC of all other hosts on the underlay."""
_ETHERNET, _IPV4, _UDP = 14, 20, 8
_LENGTH = struct.Struct("!H")


class Channel:
    """A stream of messages on a UNIX socket. `size` says how long one is, by its first bytes; None while they are too few."""

    def __init__(self, path: Path, size: Callable[[bytes], int | None]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        wait_until(lambda: self._socket.connect_ex(str(path)) == 0, 10, f"{path} to be listened to")
        self._size = size
        self._buffer = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> Iterator[bytes]:
        """The messages that are there once something is to be read. Raises AssertionError when the other end is gone."""
        more = self._socket.recv(1 << 16)
        assert more, "the switch closed the connection"
        self._buffer += more
        while (size := self._size(self._buffer)) is not None and len(self._buffer) >= size:
            one, self._buffer = self._buffer[:size], self._buffer[size:]
            yield one


def _openflow_size(data: bytes) -> int | None:
    return _LENGTH.unpack_from(data, 2)[0] if len(data) >= 4 else None


def _frame_size(data: bytes) -> int | None:
    """Of a frame of the dummy port's stream, which begins with its length."""
    return _LENGTH.size + _LENGTH.unpack_from(data)[0] if len(data) >= _LENGTH.size else None


class LiveHands:
    """See `oam.world.Hands`. `tracer` traces with them. `carried` counts frames that went from tunnel to tunnel."""

    def __init__(self, rig: Rig, random: Random) -> None:
        self.tracer = Tracer(self, random)
        self.carried = 0
        self._rig = rig
        self._world: World | None = None
        self._xid = 0
        self._replies: dict[int, list[bytes]] = {}
        self._done: set[int] = set()
        self._mac = _prepare_underlay(rig)
        self._wire = Channel(rig.switch.directory / "uplink.sock", _frame_size)
        self._bridges = {n: Channel(rig.switch.directory / f"{rig.bridge(n)}.mgmt", _openflow_size) for n in rig.chassis}
        for bridge in self._bridges.values():
            # With it the management connection also gets packet-ins (ovs-vswitchd: a miss_send_len that is not 0).
            bridge.send(messages.message(0) + messages.match_fragments())

    def close(self) -> None:
        for channel in (self._wire, *self._bridges.values()):
            channel.close()

    def load(self, network: Network, fabric: Fabric, programs: Mapping[str, Program]) -> None:
        """Make the programs what the bridges have, and trace in this network from now on."""
        self._rig.load(programs)
        # Datapath flows of before live on until a revalidator looks at them.
        self._rig.push_counters()
        self._world = world_of(network, fabric, programs)

    def counters(self, chassis: str, cookie: int, mask: int) -> Iterator[InstalledFlow]:
        """The flows with such a cookie, with their counters as they are now."""
        bodies = self.ask(chassis, lambda xid: messages.flow_request(xid, cookie, mask))
        assert bodies is not None
        for body in bodies:
            yield from replies.parse_flows(body)

    # What follows is what traces ask for.

    def now(self) -> float:
        return time.monotonic()

    def world(self) -> World:
        assert self._world is not None
        return self._world

    def send(self, chassis: str, data: bytes) -> None:
        self._bridges[chassis].send(data)

    def ask(self, chassis: str, request: Callable[[int], bytes]) -> list[bytes] | None:
        self._xid += 1
        xid = self._xid
        self._replies[xid] = []
        self.send(chassis, request(xid))
        self.wait(lambda: xid in self._done, _ANSWERED_WITHIN)
        bodies = self._replies.pop(xid)
        return bodies if xid in self._done else None

    def settle(self) -> None:
        """Until the bridges have done all that was sent."""
        for chassis in self._bridges:
            self._xid += 1
            self.send(chassis, messages.barrier(self._xid))
            assert self.wait(partial(self._done.__contains__, self._xid), _ANSWERED_WITHIN)

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        until = self.now() + seconds * _SLOWER
        channels = {self._wire: "", **{channel: name for name, channel in self._bridges.items()}}
        while not done():
            left = until - self.now()
            if left <= 0:
                return False
            for channel in select.select(list(channels), [], [], left)[0]:
                for data in channel.receive():
                    if channel is self._wire:
                        self._carry(data)
                    else:
                        self._heard(channels[channel], data)
        return True

    def observe(self, key: object, blocks: Mapping[str, Block] | None) -> bool:
        raise NotImplementedError("a trace installs nothing")

    def _heard(self, chassis: str, data: bytes) -> None:
        kind, xid = data[1], int.from_bytes(data[4:8], "big")
        assert kind != messages.ERROR, f"{chassis} refused: {data.hex()}"
        if kind == messages.PACKET_IN:
            self.tracer.heard(chassis, data)
        elif kind == messages.MULTIPART_REPLY and xid in self._replies:
            part = replies.parse_multipart(data)
            self._replies[xid].append(part.body)
            self._done |= set() if part.more else {xid}
        elif kind == messages.BARRIER_REPLY:
            self._done.add(xid)

    def _carry(self, framed: bytes) -> None:
        """A VXLAN frame to the other end of its tunnel: from the address that this end's tunnel has there, to the rig's."""
        frame = framed[_LENGTH.size :]
        if frame[12:14] != b"\x08\x00" or frame[_ETHERNET + 9] != 17:
            return
        self.carried += 1
        here, there = self._rig.tunnel(IPv4Address(frame[30:34]))
        source = self._rig.remote(there, here)
        header = bytearray(frame[_ETHERNET : _ETHERNET + _IPV4])
        header[10:20] = bytes(2) + source.packed + HOST.packed
        header[10:12] = (-int.from_bytes(header, "big") % 0xFFFF).to_bytes(2, "big")
        udp = frame[_ETHERNET + _IPV4 : _ETHERNET + _IPV4 + _UDP - 2] + bytes(2)
        frame = self._mac + _ROUTER + frame[12:_ETHERNET] + bytes(header) + udp + frame[_ETHERNET + _IPV4 + _UDP :]
        self._wire.send(_LENGTH.pack(len(frame)) + frame)


def world_of(network: Network, fabric: Fabric, programs: Mapping[str, Program]) -> World:
    """All chassis of the fabric being connected."""
    ports = {port.key: port.name for view in network.switch_views.values() for port in view.ports}
    spots = [(ports[key], spot) for placement in fabric.placements.values() for key, spot in placement.spots.items()]
    bound = {name: (spot.chassis, spot.ofport) for name, spot in spots if spot.ofport is not None}
    places = Places(
        {where: name for name, where in bound.items()},
        {(name, ofport): other for name, tunnels in fabric.tunnels.items() for other, ofport in tunnels.items()},
        {(name, ofport): physical for name, patches in fabric.physical.items() for physical, ofport in patches.items()},
    )
    return World(
        network=network,
        programs=programs,
        places=places,
        bound=bound,
        connected=frozenset(fabric.encap_ips),
        facts=facts_of(network, fabric),
        placements=fabric.placements,
        gateways=fabric.gateways,
    )


def _prepare_underlay(rig: Rig) -> bytes:
    """Frames on the wire become a stream, and those that come by it go to the host, whose MAC this gives."""
    switch = rig.switch
    socket_ = f"punix:{switch.directory}/uplink.sock"
    switch.vsctl("set", "interface", "uplink", f"options:pstream={socket_}", f"mtu_request={JUMBO}")
    switch.ofctl("add-flow", f"unix:{switch.directory}/br-phy.mgmt", "priority=40000,in_port=1,actions=LOCAL")
    mac = switch.vsctl("get", "interface", "br-phy", "mac_in_use").strip().strip('"')
    return bytes.fromhex(mac.replace(":", ""))


@contextmanager
def live_hands(rig: Rig, seed: int = 1) -> Iterator[LiveHands]:
    """Hands that let go at the end of the block."""
    with ExitStack() as stack:
        hands = LiveHands(rig, Random(seed))
        stack.callback(hands.close)
        yield hands
