"""`capture`: packets at any point of the virtual network, as pcapng to a file or to another program."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ryu_overlay.cli.answers import ClientError
from ryu_overlay.cli.kinds import KINDS
from ryu_overlay.cli.names import known, offer
from ryu_overlay.cli.session import CommandFailed, Session, common, pass_session, printable

if TYPE_CHECKING:
    from ryu_overlay.cli.client import Client

_STAGES = ("before-nat", "after-nat", "inside", "outside")
_KINDS = ("port:", "router-port:", "uplink:", "external:", "tunnel:")


def _points(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
    kind, colon, _ = incomplete.partition(":")
    if not colon:
        return [CompletionItem(word) for word in _KINDS if word.startswith(incomplete)]
    return offer(ctx, incomplete, lambda client: (f"{kind}:{name}" for name in _names(client, kind)))


def _names(client: Client, kind: str) -> Iterator[str]:
    if kind == "uplink":
        rows = client.get("uplinks").body["uplinks"]
        yield from ("/".join((r["tenant"], r["router"], r["port"], stage)) for r in rows for stage in _STAGES)
    elif kind == "tunnel":
        yield from (f"{row['chassis']}/{row['peer']}" for row in client.get("tunnels").body["tunnels"])
    else:
        named = {"port": "port", "router-port": "router-port", "external": "external-network"}.get(kind)
        yield from known(client, KINDS[named]) if named else ()


@click.command("capture")
@click.argument("points", metavar="POINT...", nargs=-1, required=True, shell_complete=_points)
@click.option("--filter", "-f", "expression", metavar="EXPR", default="", help="Which packets, as for tcpdump.")
@click.option("--write", "-w", metavar="FILE", help="Write there; - is standard output, the default unless that is a terminal.")
@click.option("--packets", "-c", metavar="N", type=click.IntRange(1), help="End after so many packets.  [default: 100000]")
@click.option("--seconds", metavar="N", type=click.IntRange(1), help="End after so many seconds.  [default: 600]")
@click.option(
    "--rate", metavar="N", type=click.IntRange(1), help="Packets a second from each point and chassis.  [default: 1000]"
)
@click.option("--snaplen", "-s", metavar="N", type=click.IntRange(1), help="Bytes to keep of each packet.  [default: all]")
@common
@pass_session
def capture(session: Session, /, points: tuple[str, ...], expression: str, write: str | None, **limits: int | None) -> None:
    """Capture packets at points of the virtual network, until Ctrl-C or a limit.

    \b
    port:web-1                       a VIF
    router-port:red/r1/web           a router's port
    uplink:red/r1/up/before-nat      an uplink: before-nat, after-nat, or the inside or outside of NAT
    external:internet                the wire of an external network
    tunnel:hv1/hv2, tunnel:hv1/*     what is in a tunnel

    Each may end in /in or /out for one direction: /in is what comes from the VM, from outside or from the tunnel, or into the
    router. Several points become interfaces of one pcapng stream. For example:

    \b
    overlayctl capture port:web-1 -f 'tcp port 80' | tcpdump -nr -
    overlayctl capture uplink:red/r1/up/before-nat uplink:red/r1/up/after-nat -w nat.pcapng

    Filters are pcap-filter(7)'s as far as flows can match: host, net, port, portrange, tcp, udp, icmp, arp, ether host,
    icmp type, ip proto, and, or. What came of each point is said at the end, on standard error.
    """
    if write is None and sys.stdout.isatty():
        words = " ".join(("overlayctl capture", *points))
        raise click.UsageError(f"a capture is not for a terminal: give --write FILE, or pipe it: {words} | tcpdump -nr -")
    body = {"points": list(points), "filter": expression, **{name: n for name, n in limits.items() if n is not None}}
    with suppress(KeyboardInterrupt), session.client().stream(("captures",), body) as (headers, read), _target(write) as out:
        _copy(session.client(), headers.get("location", "").rpartition("/")[2], read, out)


@contextmanager
def _target(write: str | None) -> Iterator[IO[bytes]]:
    if write in (None, "-"):
        yield sys.stdout.buffer
        return
    try:
        file = open(str(write), "wb")  # noqa: SIM115  closed below
    except OSError as error:
        raise CommandFailed(f"{write} cannot be written: {(error.strerror or str(error)).lower()}") from error
    try:
        yield file
    finally:
        with suppress(OSError):  # what could not be written was told when it was
            file.close()


def _copy(client: Client, number: str, read: Callable[[], bytes], out: IO[bytes]) -> None:
    """Hand the stream on until it ends. The first Ctrl-C, or a reader that is gone, has it end in good order."""
    from ryu_overlay.cli.pcapng import Reader

    reader = Reader()

    def end(*_: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with suppress(ClientError):
            client.request("DELETE", ("captures", number), {})

    before = signal.signal(signal.SIGINT, end)
    try:
        while data := read():
            reader.take(data)
            try:
                out.write(data)
                out.flush()
            except BrokenPipeError:
                out = open("/dev/null", "wb")  # noqa: SIM115  nothing is kept in it
                end()
            except OSError as error:
                raise CommandFailed(f"cannot write: {(error.strerror or str(error)).lower()}") from error
    except KeyboardInterrupt:
        click.echo("ended without waiting for the last counts", err=True)
    finally:
        signal.signal(signal.SIGINT, before)
        for interface in reader.interfaces:
            click.echo(printable(interface.sentence), err=True)
