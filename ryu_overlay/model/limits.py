"""How much of everything one network may hold, and how long names may be.

The limits stop absurd input early and with a clear reason; they are far above what one tenant is expected to need.
Numbers that follow from the wire (keys, VNIs) are in `objects`.
"""

from __future__ import annotations

MAX_NAME_LENGTH = 63
"""Characters of a name. What an OVSDB `external_ids:iface-id`, a DNS label and a shell all take."""

MAX_DESCRIPTION_LENGTH = 1024
"""Characters of a tenant's description."""

MAX_SUBNETS_PER_SWITCH = 64
MAX_PORTS_PER_SWITCH = 4_000
MAX_ADDRESSES_PER_PORT = 64
MAX_PORTS_PER_ROUTER = 256
MAX_ADDRESSES_PER_ROUTER_PORT = 16
MAX_ROUTES_PER_ROUTER = 10_000
MAX_NEXTHOPS_PER_ROUTE = 64

MAX_GATEWAYS_PER_UPLINK = 8
MAX_POOLS_PER_EXTERNAL_NETWORK = 16
MAX_SNATS_PER_ROUTER = 64
MAX_FLOATING_IPS_PER_ROUTER = 4_000
MAX_PREFIXES_PER_SNAT = 64
MAX_ADDRESSES_PER_SNAT = 16
MAX_MEMBERS_PER_LOAD_BALANCER = 64
MAX_PATH_LENGTH = 200
"""Characters of what an HTTP check asks for."""

MAX_MEMBERS = {
    "port": MAX_PORTS_PER_SWITCH,
    "router_port": MAX_PORTS_PER_ROUTER,
    "route": MAX_ROUTES_PER_ROUTER,
    "snat": MAX_SNATS_PER_ROUTER,
    "floating_ip": MAX_FLOATING_IPS_PER_ROUTER,
    "member": MAX_MEMBERS_PER_LOAD_BALANCER,
}
"""How many objects of a kind one collection of a body may name; more are not even looked at."""

MIN_SUBNET_LENGTH = 1
MAX_SUBNET_LENGTH = 31
"""Longest prefix of a subnet in bits. In a /31 both addresses are hosts (RFC 3021); a /32 has no neighbour to talk to."""

MAX_PROBLEMS = 100
"""How many problems one refusal names; a body with more has the rest left out."""
