"""Times a router's ICMP time exceeded: `hop_latency.py TARGET COUNT`, echo requests with TTL 1; prints what `timing` says."""

from __future__ import annotations

import sys

from tests.bench.agents.timing import times
from tests.bench.agents.wire import TIME_EXCEEDED

if __name__ == "__main__":
    times(sys.argv[1], int(sys.argv[2]), 1, TIME_EXCEEDED)
