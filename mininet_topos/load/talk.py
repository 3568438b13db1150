"""One long connection to an echo server: a line every so often, until a time is over or the connection is.

    python talk.py HOST PORT OUT [--seconds S] [--every S] [--timeout S]

Prints the number of each line that was answered. OUT gets JSON: {"name": the server's first line, "sent": lines, "answered":
lines, "ended": "done" or what went wrong}. SIGINT and SIGTERM end it in good order.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import time
from types import FrameType
from typing import Any


class Stop(Exception):
    """Somebody wants it to end."""


def stop(_signum: int, _frame: FrameType | None) -> None:
    raise Stop


def talk(given: argparse.Namespace, seen: dict[str, Any]) -> None:
    until = time.monotonic() + given.seconds
    with socket.create_connection((given.host, given.port), given.timeout) as sock, sock.makefile("rb") as lines:
        seen["name"] = lines.readline().decode().strip()
        number = 0
        while time.monotonic() < until:
            number += 1
            sock.sendall(b"%d\n" % number)
            seen["sent"] = number
            answer = lines.readline()
            if answer != b"%d\n" % number:
                raise ConnectionError("closed" if not answer else f"wrong answer {answer!r}")
            seen["answered"] = number
            print(number, flush=True)
            time.sleep(given.every)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("out")
    for name, value in (("seconds", 10.0), ("every", 0.02), ("timeout", 5.0)):
        parser.add_argument(f"--{name}", type=float, default=value)
    given = parser.parse_args()
    seen: dict[str, Any] = {"name": "", "sent": 0, "answered": 0, "ended": "done"}
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        talk(given, seen)
    except Stop:
        seen["ended"] = "done"
    except OSError as error:
        seen["ended"] = f"{type(error).__name__}: {error}"
    with open(f"{given.out}.part", "w") as file:
        json.dump(seen, file)
    os.rename(f"{given.out}.part", given.out)


if __name__ == "__main__":
    main()
