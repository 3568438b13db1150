"""Run inside a node: send frames, given in hexadecimal on standard input, one a line.

python icmp_send.py INTERFACE
"""

import socket
import sys
import time

_BETWEEN = 0.006
"""Seconds. Below any limit on answers, which are not what the cases are about."""


def main() -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((sys.argv[1], 0))
        for line in sys.stdin:
            raw.send(bytes.fromhex(line))
            time.sleep(_BETWEEN)


if __name__ == "__main__":
    main()
