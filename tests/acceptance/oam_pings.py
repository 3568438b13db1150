"""Pings by REST, what has to answer them, and what is broken so that nothing does."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from mininet_topos.lab import Lab
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios_out import BLUE_FLOATING
from tests.acceptance import oam_breaking
from tests.acceptance.oam_traces import question

COUNT = 5
TARGET = "red-db-3"
HEALTHY = question("red-web-1", TARGET)
ANSWERED = (
    ("red-web-1", "red-web-2"),
    ("red-web-2", SERVER_ADDRESS),
    ("red-web-1", "10.0.2.1"),
    ("red-web-3", BLUE_FLOATING),
    ("router:red/r1", "red-db-2"),
    ("router:red/r1/web", TARGET),
    ("router:red/r1", SERVER_ADDRESS),
    ("router:green/r3", "green-a-1"),
    ("router:green/r3", "100.64.0.1"),
)
"""Who pings whom: VMs and the outside, own and far routers, another tenant's floating IP."""

Document = dict[str, Any]


def ping(lab: Lab, sender: str, target: str) -> tuple[list[Document], Document]:
    """What was told of each, and the sums."""
    answer = lab.rest.post("/v1/ping", {"from": sender, "to": target, "count": COUNT, "interval": 0.1})
    assert answer.status == 200, answer.text
    *echoes, sums = map(json.loads, answer.text.splitlines())
    return echoes, sums


BROKEN: tuple[tuple[str, Callable[[Lab], AbstractContextManager[None]], set[str]], ...] = (
    ("the VM's interface is down", partial(oam_breaking.guest_off, name=TARGET), {"guest_off"}),
    ("hv3's underlay link is cut", lambda lab: oam_breaking.cut(lab, "hv3"), {"lost_in_underlay"}),
)
"""What is broken, how, and what each echo to TARGET may then come to."""
