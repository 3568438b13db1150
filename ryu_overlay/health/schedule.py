"""When to send which probe: each path every `INTERVAL`, from either end in turn; each `FULL_EVERY`-th try has the size of the
largest packet; and what is asked for besides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ryu_overlay.health.probes import Burst, Pair, Path, Probe, Tokens

INTERVAL = 0.25
FULL_EVERY = 4
BURST_GAP = 0.008


class Schedule:
    """What is to be sent, and when. Time is an argument."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._paths: dict[Path, float] = {}
        self._steady: frozenset[Path] = frozenset()
        self._also: dict[Path, float] = {}
        self._turn: dict[Path, int] = {}
        self._queue: list[tuple[float, Probe, Burst | None]] = []

    def steady(self, paths: Iterable[Path], now: float) -> None:
        """The paths to try for ever, in place of those before."""
        self._steady = frozenset(paths)
        self._spread(now)

    def also(self, pairs: Iterable[Pair], now: float, seconds: float) -> None:
        """Try these for a while, too."""
        for a, b in pairs:
            self._also[min(a, b), max(a, b), 0] = now + seconds
        self._spread(now)

    def once(self, at: float, pair: Pair, way: int = 0, full: bool = False) -> None:
        """One probe more."""
        self._enqueue(at, pair, way, full, None, None)

    def burst(self, pair: Pair, count: int, now: float, *, full: bool = False, vni: int | None = None) -> Burst:
        """So many at once, as fast as `BURST_GAP` allows."""
        burst = Burst(count, count)
        for number in range(count):
            self._enqueue(now + number * BURST_GAP, pair, 0, full, vni, burst)
        return burst

    def due(self, now: float, present: Collection[str]) -> Iterator[tuple[Probe, Burst | None]]:
        """What to send now, from those chassis that are `present`."""
        if ended := [path for path, until in self._also.items() if until <= now]:
            for path in ended:
                del self._also[path]
            self._spread(now)
        for path, due in self._paths.items():
            if due <= now:
                self._paths[path] = max(due + INTERVAL, now + INTERVAL / 2)
                self._try(path, now, present)
        ready = [entry for entry in self._queue if entry[0] <= now]
        if ready:
            self._queue = [entry for entry in self._queue if entry[0] > now]
        for _, probe, burst in ready:
            if probe.sender in present:
                yield probe, burst
            elif burst is not None:
                burst.left -= 1
                burst.count -= 1

    def _spread(self, now: float) -> None:
        wanted = self._steady | self._also.keys()
        for path in wanted - self._paths.keys():
            # So that they do not all come at once.
            self._paths[path] = now + INTERVAL * (_hash(path) % 16) / 16
        for path in self._paths.keys() - wanted:
            del self._paths[path]
            self._turn.pop(path, None)

    def _try(self, path: Path, now: float, present: Collection[str]) -> None:
        turn = self._turn[path] = self._turn.get(path, -1) + 1
        a, b, way = path
        ends = [pair for pair in ((a, b), (b, a)) if pair[0] in present]
        if ends:
            self.once(now, ends[turn % len(ends)], way, turn // len(ends) % FULL_EVERY == FULL_EVERY - 1)

    def _enqueue(self, at: float, pair: Pair, way: int, full: bool, vni: int | None, burst: Burst | None) -> None:
        self._queue.append((at, Probe(*pair, self._tokens.next(), way, full, vni), burst))


def _hash(path: Path) -> int:
    """A number for a path, the same in every process."""
    return sum(ord(c) * (i + 1) for i, c in enumerate("".join(map(str, path))))
