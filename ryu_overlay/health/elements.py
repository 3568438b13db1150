"""What can break, by name, and the layers that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layer = Literal["underlay", "tunnel", "host", "virtual", "guest"]
LAYERS: tuple[Layer, ...] = ("underlay", "tunnel", "host", "virtual", "guest")
"""From the wire up. Underlay and tunnel are what others call physical: not the provider's virtual network, not the tenant's."""

SHAPES: dict[str, tuple[str, ...]] = {
    "link": ("chassis",),
    "link_in": ("chassis",),
    "link_out": ("chassis",),
    "path": ("chassis", "chassis"),
    "pair": ("chassis", "chassis"),
    "split": ("chassis,...", "chassis,..."),
    "external_link": ("chassis", "physical network"),
    "vni": ("switch or router port", "chassis", "chassis"),
    "tunnel": ("chassis", "chassis"),
    "vswitch": ("chassis",),
    "channel": ("chassis",),
    "chassis": ("chassis",),
    "datapath": ("chassis",),
    "conntrack": ("chassis",),
    "vnic": ("chassis", "port"),
    "flow": ("chassis", "table", "object"),
    "group": ("chassis", "object"),
    "snat": ("NAT rule",),
    "router_port": ("router port",),
    "program": ("chassis",),
    "port": ("port",),
}
"""What the names of each kind of element are. Objects are spelled as operators do: `red/web`, `red/r1/up`; where any kind of
object may stand ("object") its kind is in front: `port red/web/red-web-1`. A port's name is unique, so it stands alone."""

ANY = "*"
"""In place of a VNI's first or second chassis: all of them."""
_ARROWS = {"path": ">", "pair": "=", "split": "|", "tunnel": ">"}


@dataclass(frozen=True, slots=True, order=True)
class Element:
    """One thing that can break, with names as in `SHAPES`. A path, tunnel or VNI is one direction, from the first chassis to the
    second.

    A `link` is that between a chassis and the underlay, `link_in` and `link_out` one direction of it as the chassis sees it;
    a `pair` is both paths between two, and a `split` all paths between those on one side and those on the other; a `program` is
    all that a chassis was told to do.
    """

    kind: str
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """As an operator types it: `link hv2`, `path hv1>hv2`, `vni red/web hv1>hv2`, `flow hv1 ls_in_lookup port a/b/c`."""
        if self.kind in _ARROWS:
            return f"{self.kind} {_ARROWS[self.kind].join(self.names)}"
        if self.kind == "vni":
            return f"vni {self.names[0]} {'>'.join(self.names[1:])}"
        return " ".join((self.kind.replace("_", "-"), *self.names))

    @property
    def chassis(self) -> tuple[str, ...]:
        """The chassis that it is named by."""
        if self.kind == "vni":
            return tuple(name for name in self.names[1:] if name != ANY)
        if self.kind == "split":
            return tuple(name for side in self.names for name in side.split(","))
        shape = SHAPES[self.kind]
        return tuple(name for name, what in zip(self.names, shape) if what == "chassis")


def read_element(text: str) -> Element:
    """The element that an operator typed (see `Element.text`). Raises ValueError with what is wrong with it."""
    kind, _, rest = text.strip().partition(" ")
    kind = kind.replace("-", "_")
    shape = SHAPES.get(kind)
    if shape is None:
        raise ValueError(f"{kind!r} is no kind of element; known are {', '.join(k.replace('_', '-') for k in SHAPES)}")
    if kind in _ARROWS:
        names = tuple(rest.split(_ARROWS[kind]))
    elif kind == "vni":
        first, _, ends = rest.partition(" ")
        names = (first, *ends.split(">"))
    else:
        names = tuple(rest.split(" ", len(shape) - 1))
    if len(names) != len(shape) or not all(names):
        raise ValueError(f"{kind.replace('_', '-')} needs {len(shape)} names: {', '.join(shape)}")
    if kind == "split":
        names = tuple(",".join(sorted(side.split(","))) for side in names)
    return Element(kind, tuple(sorted(names)) if kind in ("pair", "split") else names)
