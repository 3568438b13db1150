"""Requests that must be refused: (what, method, path, body, status, field named)."""

_RED = "/tenants/red"
_PORTS = f"{_RED}/switches/web/ports"
_PORT = f"{_PORTS}/red-web-1"
_R1 = f"{_RED}/routers/r1"
_OVERLAP = {"name": "x", "addresses": ["10.0.1.200/25"]}
_NOWHERE = {"name": "x", "addresses": ["10.8.0.1/24"], "switch": "nowhere"}
_NO_WAY = {"prefix": "0.0.0.0/0", "nexthops": ["9.9.9.9"]}
_MAC = {"name": "x", "mac": "02:00:00:01:01:0b"}

BAD_INPUT: list[tuple[str, str, str, object, int, str]] = [
    ("overlapping subnets on one router", "POST", f"{_R1}/ports", _OVERLAP, 409, "addresses[0]"),
    ("address outside its subnet", "POST", _PORTS, {"name": "x", "addresses": ["10.0.9.5"]}, 422, "addresses[0]"),
    ("duplicate MAC", "POST", _PORTS, _MAC, 409, "mac"),
    ("duplicate address", "POST", _PORTS, {"name": "x", "addresses": ["10.0.1.11"]}, 409, "addresses[0]"),
    ("port name of another tenant", "POST", _PORTS, {"name": "blue-web-1"}, 409, "name"),
    ("unknown switch of a router port", "POST", f"{_R1}/ports", _NOWHERE, 422, "switch"),
    ("unknown tenant", "POST", "/tenants/nobody/switches", {"name": "x"}, 404, "tenant"),
    ("next hop on no connected subnet", "POST", f"{_R1}/routes", _NO_WAY, 422, "nexthops[0]"),
    ("wrong type", "PATCH", _PORT, {"enabled": "perhaps"}, 422, "enabled"),
    ("unknown policy of answers", "PATCH", _R1, {"answers": "perhaps"}, 422, "answers"),
    ("unknown policy without a path", "PATCH", _R1, {"without_path": "shout"}, 422, "without_path"),
    ("unknown field", "PATCH", _PORT, {"colour": "red"}, 422, "colour"),
    ("absurd size", "POST", f"{_RED}/switches", {"name": "x" * 100_000}, 422, "name"),
    ("malformed JSON", "POST", "/tenants", b'{"name": ', 400, "body"),
    ("deleting a switch with ports", "DELETE", f"{_RED}/switches/web", None, 409, "switch"),
    ("deleting a tenant with anything in it", "DELETE", _RED, None, 409, "tenant"),
    ("VNI with a reserved bit", "POST", f"{_RED}/switches", {"name": "x", "vni": 1 << 22}, 422, "vni"),
]
