"""A prober of chassis that answer at once, and what is heard of its probes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from ryu_overlay.health.prober import Prober
from ryu_overlay.health.probes import Ask, Probe

TICK = 0.01
PATH = ("a", "b", 0)
Heard = Iterable[tuple[str, bool]]
Tells = Callable[[Probe], Heard]


def both(probe: Probe) -> Heard:
    """It comes to its receiver and back."""
    yield probe.receiver, False
    if probe.vni is None:
        yield probe.sender, True


def nobody(probe: Probe) -> Heard:
    return ()


def only(*said: tuple[str, bool]) -> Tells:
    """Of any probe, what these chassis would say: of its coming (False), of its coming back (True)."""
    return lambda probe: [word for word in both(probe) if word in said]


def lost(a: str, b: str) -> Tells:
    """All from `a` to `b` is lost, and nothing else."""

    def tells(probe: Probe) -> Heard:
        if (probe.sender, probe.receiver) != (a, b):
            yield probe.receiver, False
            if (probe.receiver, probe.sender) != (a, b):
                yield probe.sender, True

    return tells


class Lab:
    """A prober of paths between chassis that answer at once. `sent` has what it sent, and when."""

    def __init__(self, *paths: tuple[str, str, int], present: Collection[str] = ("a", "b")) -> None:
        self.now = 10.0
        self.prober = Prober()
        self.prober.present(present, self.now)
        self.prober.schedule.steady(paths, self.now)
        self.sent: list[tuple[float, Probe]] = []
        self.asks: list[tuple[float, Ask]] = []

    def run(self, seconds: float, tells: Tells = both, answer: Collection[str] = ("a", "b", "c")) -> Lab:
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            for each in self.prober.step(self.now, self.now):
                if isinstance(each, Ask):
                    self.asks.append((self.now, each))
                    if each.chassis in answer:
                        self.prober.answered(each.token, self.now, self.now + 0.001)
                else:
                    self.sent.append((self.now, each))
                    for number, (chassis, back) in enumerate(tells(each)):
                        self.prober.heard(each.token, chassis, back, self.now, self.now + 0.001 * (number + 1))
        return self

    def runs(self, full: bool = False) -> dict[str, int]:
        """How many were lost in a row, by direction."""
        return {f"{a}>{b}": d.run for (a, b, is_full), d in self.prober.directions.items() if is_full == full}
