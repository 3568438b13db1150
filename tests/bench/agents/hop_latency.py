"""Times ICMP time exceeded of a router: `hop_latency.py TARGET COUNT [SECONDS]`, echo requests with TTL 1; see `timing`."""

from __future__ import annotations

import sys

from tests.bench.agents.timing import times
from tests.bench.agents.wire import TIME_EXCEEDED

if __name__ == "__main__":
    times(1, TIME_EXCEEDED, *sys.argv[1:])
