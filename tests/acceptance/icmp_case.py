"""What a case of the ICMP conformance suite is: who sends what, and what has to come back. Knows no lab."""

from __future__ import annotations

from dataclasses import dataclass

from tests.acceptance.icmp_frames import Probe

OWN, R1_C, R1_T, R2_T, R2_B, R3_D = "10.1.1.1", "10.1.3.1", "100.64.0.1", "100.64.0.2", "10.1.2.1", "10.1.4.1"
"""The routers' inside addresses: on switch a, c and transit of r1; on transit and b of r2; on d of r3."""
KINDS = {
    (3, 0): "net unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (11, 0): "TTL exceeded",
}


@dataclass(frozen=True)
class Expect:
    """What has to come back: an echo "reply", an "error", a "reset", a "stamp" (timestamp reply) if anything, "nothing", or
    nothing but what is "void": no receiver takes it. Or the probe itself has to be "lost": on no wire but the sender's.

    `hops` are the numbers of routers there may be between who answers and the sender. `router` says that an error is a virtual
    router's, not that of a machine of the lab.
    """

    what: str
    source: str = ""
    kind: tuple[int, int] = (0, 0)
    mtu: int = 0
    hops: tuple[int, ...] = (0,)
    router: bool = True

    @property
    def text(self) -> str:
        """For the table of cases."""
        names = {
            "reply": "echo reply",
            "reset": "TCP reset",
            "stamp": "nothing, or a right timestamp reply",
            "nothing": "nothing",
            "void": "nothing that a receiver takes",
            "lost": "not forwarded, nothing",
        }
        named = names.get(self.what) or KINDS[self.kind]
        size = f" ({self.mtu})" if self.mtu else ""
        return f"{named}{size} from {self.source}" if self.source else named


@dataclass(frozen=True)
class Complaint:
    """The error that the silent machine outside sends about what it got, and what is not as it should be about it.

    `forged`: the quoted "port" or "destination" is another, its addresses are the "inside" ones, it is "short"; or the
    error's own "checksum" is wrong.
    """

    kind: int
    code: int
    mtu: int = 0
    source: str = ""
    forged: str = ""


@dataclass(frozen=True)
class Case:
    """One case. `rfc` is number and section of what it rests on, `then` what the silent machine sends back; `before` is
    who sends what first, so that the probe belongs to a connection.
    """

    id: str
    what: str
    rfc: str
    sender: str
    probe: Probe
    expect: Expect
    then: Complaint | None = None
    before: tuple[str, Probe] | None = None

    @property
    def text(self) -> str:
        """What has to come back."""
        return self.expect.text


NOTHING, VOID, LOST = Expect("nothing"), Expect("void"), Expect("lost")


def reply(source: str, *hops: int) -> Expect:
    return Expect("reply", source, hops=hops or (0,))


def exceeded(source: str, *hops: int, router: bool = True) -> Expect:
    return Expect("error", source, (11, 0), hops=hops or (0,), router=router)


def unreachable(code: int, source: str, *hops: int, router: bool = True) -> Expect:
    return Expect("error", source, (3, code), hops=hops or (0,), router=router)


def too_large(mtu: int, source: str, *hops: int, router: bool = True) -> Expect:
    return Expect("error", source, (3, 4), mtu, hops or (0,), router)


def reset(source: str, *hops: int) -> Expect:
    return Expect("reset", source, hops=hops or (0,))
