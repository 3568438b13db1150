"""Times echo replies: `echo_latency.py TARGET COUNT [SECONDS]`; see `timing`."""

from __future__ import annotations

import sys

from tests.bench.agents.timing import times
from tests.bench.agents.wire import ECHO_REPLY

if __name__ == "__main__":
    times(64, ECHO_REPLY, *sys.argv[1:])
