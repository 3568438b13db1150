"""Run inside a VM: send frames that its port must not let pass.

python forge.py INTERFACE KIND COUNT SOURCE_MAC SOURCE_IP GATEWAY_MAC TARGET_IP
"""

import socket
import struct
import sys

STRANGER_MAC = bytes.fromhex("0200deadbeef")
STRANGER_IP = socket.inet_aton("10.99.99.99")


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(source: bytes, target: bytes, ttl: int = 64) -> bytes:
    icmp = struct.pack("!BBHHH", 8, 0, 0, 7, 7)
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 1, 0, ttl, 1, 0, source, target)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + icmp


def arp(sha: bytes, spa: bytes, tpa: bytes) -> bytes:
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, sha, spa, bytes(6), tpa)


def main() -> None:
    interface, kind, count, mac, ip, gateway, target = sys.argv[1:]
    own_mac, gateway_mac = (bytes.fromhex(m.replace(":", "")) for m in (mac, gateway))
    own_ip, target_ip = socket.inet_aton(ip), socket.inet_aton(target)
    broadcast = b"\xff" * 6
    frames = {
        "honest": gateway_mac + own_mac + b"\x08\x00" + echo(own_ip, target_ip),
        "expiring": gateway_mac + own_mac + b"\x08\x00" + echo(own_ip, target_ip, ttl=1),
        "mac": gateway_mac + STRANGER_MAC + b"\x08\x00" + echo(own_ip, target_ip),
        "ip": gateway_mac + own_mac + b"\x08\x00" + echo(STRANGER_IP, target_ip),
        "arp-address": broadcast + own_mac + b"\x08\x06" + arp(own_mac, STRANGER_IP, target_ip),
        "arp-mac": broadcast + own_mac + b"\x08\x06" + arp(STRANGER_MAC, own_ip, target_ip),
        "tagged": gateway_mac + own_mac + b"\x81\x00\x00\x05\x08\x00" + echo(own_ip, target_ip),
        "type": broadcast + own_mac + b"\x88\xcc" + bytes(46),
    }
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        for _ in range(int(count)):
            raw.send(frames[kind])


if __name__ == "__main__":
    main()
