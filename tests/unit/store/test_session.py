"""The fast JSON-RPC connection reads what python-ovs' own would, however the bytes arrive."""

from __future__ import annotations

import errno
import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ovs.jsonrpc import EOF, Connection, Message

from ryu_overlay.store.session import FastConnection

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('{}"\\é[]', max_size=3), inner, max_size=3),
    max_leaves=8,
)


class FakeStream:
    name = "fake"

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks

    def recv(self, size: int) -> tuple[int, Any]:
        return (0, self.chunks.pop(0)) if self.chunks else (errno.EAGAIN, "")

    def close(self) -> None:
        self.chunks = []


def received(connection: Connection) -> tuple[int, list[Any]]:
    messages: list[Any] = []
    while True:
        error, message = connection.recv()
        if error:
            return error, messages
        messages.append(message.to_json())


@given(
    st.lists(json_values, min_size=1, max_size=4), st.lists(st.integers(0, 400), max_size=6), st.sampled_from(["", " ", "\r\n"])
)
def test_messages_come_whole_however_they_are_cut(values: list[Any], cuts: list[int], between: str) -> None:
    sent = [Message.create_notify("update", [value]).to_json() for value in values]
    stream = between.join(json.dumps(message, ensure_ascii=False) for message in sent).encode()
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    chunks = [stream[a:b] for a, b in pairwise(ends)]
    assert received(FastConnection(FakeStream(chunks))) == (errno.EAGAIN, sent)


def test_what_is_not_a_message_ends_the_connection() -> None:
    for bad in (b"{nonsense}", b'{"id": 1} x}', b'{"result": 1, "id": 1, "more": {}}', b"[]}", b'\xff{"a"}'):
        assert received(FastConnection(FakeStream([bad])))[0] == errno.EPROTO


def test_the_end_of_the_stream_is_reported() -> None:
    assert received(FastConnection(FakeStream([b""]))) == (EOF, [])
    assert received(FastConnection(FakeStream([b'{"method": "m", "par', b""]))) == (EOF, [])
