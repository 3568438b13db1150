"""Times echo replies: `echo_latency.py TARGET COUNT`; prints what `timing` says."""

from __future__ import annotations

import sys

from tests.bench.agents.timing import times
from tests.bench.agents.wire import ECHO_REPLY

if __name__ == "__main__":
    times(sys.argv[1], int(sys.argv[2]), 64, ECHO_REPLY)
