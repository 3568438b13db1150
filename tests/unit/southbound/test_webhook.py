"""The webhook against a real server in a thread: what is sent, in which order, how often, and what is given up."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import eventlet
import pytest

from ryu_overlay.health.elements import Element
from ryu_overlay.health.faults import Fault, Verdict
from ryu_overlay.southbound import webhook as module
from ryu_overlay.southbound.webhook import Webhook
from tests.unit.southbound.webhook_receiver import Receiver

UNTIL = 10.0
PAUSE = 0.01


def encode(fault: Fault) -> bytes:
    return json.dumps({"id": fault.id, "until": fault.until}).encode()


def fault(id: str, quiet: str = "") -> Fault:
    return Fault(id, Verdict("down", Element("link", ("hv2",))), 1.0, 1.25, quiet=quiet)


def until(what: Callable[[], object]) -> None:
    with eventlet.Timeout(UNTIL):
        while not what():
            eventlet.sleep(0.001)


@pytest.fixture(autouse=True)
def _patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under the app, where sockets are eventlet's; and less patient."""
    monkeypatch.setattr(module, "client", eventlet.import_patched("http.client"))
    monkeypatch.setattr(module, "FIRST_PAUSE", PAUSE)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 4 * PAUSE)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def port(receiver: Receiver) -> Iterator[int]:
    with receiver.serving() as port:
        yield port


@contextmanager
def running(port: int, path: str = "/", scheme: str = "http") -> Iterator[Webhook]:
    hook = Webhook(f"{scheme}://127.0.0.1:{port}{path}", encode)
    thread = eventlet.spawn(hook.run)
    try:
        yield hook
    finally:
        thread.kill()


@pytest.fixture
def hook(port: int) -> Iterator[Webhook]:
    with running(port) as made:
        yield made


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return int(sock.getsockname()[1])


def test_each_fault_is_posted_as_json_in_order(receiver: Receiver, port: int) -> None:
    names = [f"f{n}" for n in range(50)]
    with running(port, "/hooks/1?key=a%20b") as hook:
        for name in names:
            hook.tell(fault(name))
        hook.tell(replace(fault("f7"), until=9.0))
        until(lambda: hook.taken == 51)
    assert receiver.heard == [*names, "f7"]
    assert receiver.requests[-1] == ("/hooks/1?key=a%20b", "application/json", b'{"id": "f7", "until": 9.0}')
    assert hook.given_up == hook.dropped == 0


def test_it_waits_for_a_server_that_is_not_there(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    with running(port) as hook:
        for name in ("a", "b", "c"):
            hook.tell(fault(name))
        until(lambda: caplog.records)
        with receiver.serving(port):
            until(lambda: hook.taken == 3)
    assert receiver.heard == ["a", "b", "c"]
    began, ended = (record.getMessage() for record in caplog.records)
    assert began.startswith("webhook at 127.0.0.1 does not take faults: [Errno 111]")
    assert ended == "webhook at 127.0.0.1 takes faults again; it did not hear of 0"


def test_what_the_server_fails_on_is_sent_again_first_after_pauses_that_grow_until_something_is_taken(
    receiver: Receiver, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    sleep = eventlet.sleep
    monkeypatch.setattr(eventlet, "sleep", lambda seconds: slept.append(seconds) or sleep(seconds))  # type: ignore[func-returns-value]
    receiver.answers = [500, 503, 599, 500, 204, 500]
    for name in ("a", "b", "c"):
        hook.tell(fault(name))
    until(lambda: hook.taken == 3)
    assert receiver.heard == ["a", "a", "a", "a", "a", "b", "b", "c"] and hook.given_up == 0
    # Others in this process sleep, too, but for longer.
    assert [each for each in slept if PAUSE <= each < 0.3] == [PAUSE, 2 * PAUSE, 4 * PAUSE, 4 * PAUSE, PAUSE]


def test_one_fault_that_the_server_fails_on_does_not_hold_up_others_for_ever(
    receiver: Receiver, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVEN_UP_AFTER", 0.3)
    receiver.fails_on = "a"
    began = time.monotonic()
    for name in ("a", "b"):
        hook.tell(fault(name))
    until(lambda: hook.taken == 1)
    assert time.monotonic() - began >= 0.3 and hook.given_up == 1
    assert receiver.heard == ["a"] * (len(receiver.heard) - 1) + ["b"] and len(receiver.heard) > 3


@pytest.mark.parametrize("status", [400, 404, 429, 302])
def test_what_is_refused_is_given_up_at_once(
    receiver: Receiver, hook: Webhook, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    receiver.answers = [status] * 3
    for name in ("a", "b", "c", "d"):
        hook.tell(fault(name))
    until(lambda: hook.taken == 1)
    assert receiver.heard == ["a", "b", "c", "d"] and hook.given_up == 3
    assert [r.getMessage() for r in caplog.records] == [
        f"webhook at 127.0.0.1 does not take faults: answers {status}",
        "webhook at 127.0.0.1 takes faults again; it did not hear of 3",
    ]


def test_nobody_waits_for_a_server_that_does_not_answer(
    receiver: Receiver, hook: Webhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    receiver.answers = [None]
    hook.tell(fault("a"))
    turns = 0
    with eventlet.Timeout(UNTIL):
        while hook.taken == 0:
            eventlet.sleep(0.01)
            turns += 1
    assert receiver.heard == ["a", "a"] and turns >= 5
    assert "does not take faults: no answer within 0.2 s" in caplog.text


def test_an_answer_that_trickles_in_is_none(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    server = eventlet.listen(("127.0.0.1", 0))

    def trickle() -> None:
        sock, _ = server.accept()
        while True:
            sock.sendall(b"H")
            eventlet.sleep(0.05)

    thread = eventlet.spawn(trickle)
    with closing(server), running(server.getsockname()[1]) as hook:
        hook.tell(fault("a"))
        until(lambda: "no answer within 0.2 s" in caplog.text)
    thread.kill()


def test_https_is_spoken_where_it_is_asked_for(receiver: Receiver, port: int, caplog: pytest.LogCaptureFixture) -> None:
    with running(port, scheme="https") as hook:
        hook.tell(fault("a"))
        until(lambda: "does not take faults" in caplog.text)
    assert "SSL" in caplog.text and receiver.heard == []


def test_of_more_than_can_wait_the_oldest_are_dropped_and_counted(receiver: Receiver, hook: Webhook) -> None:
    names = [f"f{n}" for n in range(module.MOST_WAITING + 3)]
    for name in names:
        hook.tell(fault(name))
    assert hook.dropped == 3
    until(lambda: hook.taken == module.MOST_WAITING)
    assert receiver.heard == names[3:]


def test_nothing_is_sent_of_what_is_quiet_but_the_end_of_what_was_sent(receiver: Receiver, hook: Webhook) -> None:
    hook.tell(fault("loud"))
    hook.tell(fault("loud", "silenced"))
    hook.tell(fault("quiet", "maintenance"))
    hook.tell(fault("later", "silenced"))
    hook.tell(fault("later"))
    for name in ("quiet", "loud", "loud", "later"):
        hook.tell(replace(fault(name, "silenced"), until=9.0))
    hook.tell(fault("last"))
    until(lambda: "last" in receiver.heard)
    assert [json.loads(body) for *_, body in receiver.requests] == [
        {"id": "loud", "until": None},
        {"id": "later", "until": None},
        {"id": "loud", "until": 9.0},
        {"id": "later", "until": 9.0},
        {"id": "last", "until": None},
    ]


def test_what_cannot_be_encoded_stops_nothing(receiver: Receiver, port: int, caplog: pytest.LogCaptureFixture) -> None:
    with running(port) as hook:
        hook.tell(replace(fault("a"), until=object()))  # type: ignore[arg-type]
        hook.tell(fault("b"))
        until(lambda: receiver.heard == ["b"])
    assert hook.given_up == 1 and "webhook: fault a was not sent" in caplog.text


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must begin with http:// or https://"),
        ("hooks.example", "must begin with http:// or https://"),
        ("ftp://hooks.example/", "must begin with http:// or https://"),
        ("file:///etc/passwd", "must begin with http:// or https://"),
        ("http:///path", "names no host"),
        ("https://me:secret@hooks.example/", "must have no user and password in it"),
        ("http://hooks.example:http/", "is no URL: Port could not be cast"),
        ("http://hooks.example:65536/", "is no URL: Port out of range"),
        ("http://[::1/", "is no URL: Invalid IPv6 URL"),
        ("http://hooks..example/", "is no URL: "),
        ("http://hooks.example/a b", "is no URL: it has characters"),
        ("http://hooks.example/\r\nHost: other", "is no URL: it has characters"),
        ("http://hooks.example/ä", "is no URL: it has characters"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        Webhook(url, encode)
    assert str(caught.value).startswith(reason) and "secret" not in str(caught.value)
