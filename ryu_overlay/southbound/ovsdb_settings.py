"""What an operator may tell the overlay in a chassis' Open_vSwitch external_ids, besides who the chassis is.

Pure: strings in; values and sentences about what could not be used out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

BRIDGE_MAPPINGS = "overlay-bridge-mappings"
DATAPATH_TYPE = "overlay-datapath-type"
UNDERLAY_MTU = "overlay-underlay-mtu"

MTU_RANGE = range(576, 65536)
"""Bytes. Every IPv4 host takes datagrams of 576 (RFC 791 section 3.1); 65,535 is the longest there is."""


def bridge_mappings(ids: Mapping[str, str], bridges: Collection[str]) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """`physnet1:br-ex,physnet2:br-dc` as pairs in order of network, and what is wrong. A network named twice counts once."""
    mappings: dict[str, str] = {}
    problems: list[str] = []
    for item in filter(None, (part.strip() for part in ids.get(BRIDGE_MAPPINGS, "").split(","))):
        network, colon, bridge = item.partition(":")
        if not (network and colon and bridge):
            problems.append(f"{BRIDGE_MAPPINGS}: {item!r} is not NETWORK:BRIDGE")
        elif network in mappings:
            problems.append(f"{BRIDGE_MAPPINGS}: {network} is mapped more than once; {mappings[network]} counts")
        else:
            mappings[network] = bridge
            if bridge not in bridges:
                problems.append(f"{BRIDGE_MAPPINGS}: there is no bridge {bridge} for {network}")
    return tuple(sorted(mappings.items())), problems


def underlay_mtu(ids: Mapping[str, str]) -> tuple[int | None, list[str]]:
    """The underlay's MTU in bytes (576 to 65535) if it is given and usable, and what is wrong."""
    text = ids.get(UNDERLAY_MTU)
    if text is None:
        return None, []
    if re.fullmatch(r"[0-9]{1,5}", text) and int(text) in MTU_RANGE:
        return int(text), []
    return None, [f"{UNDERLAY_MTU} {text!r} is not a number from {MTU_RANGE[0]} to {MTU_RANGE[-1]}"]


def datapath_type(ids: Mapping[str, str], others: Collection[str]) -> str:
    """The type for a new bridge: the one given, else that of the `others` if they agree, else "", the system's default."""
    given = ids.get(DATAPATH_TYPE)
    if given is not None:
        return given
    return next(iter(others)) if len(set(others)) == 1 else ""
