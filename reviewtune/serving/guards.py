"""What stands before the routes: who may ask, how much they may send, and what an answer took."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reviewtune.errors import one_line

OPEN = ("/health",)
"""Paths that need no token: those who only ask whether the server lives."""
READ_SECONDS = 30.0
"""A body may take to arrive."""
TOKEN_VARIABLE = "REVIEWTUNE_TOKEN"  # noqa: S105 - its name

Told = Callable[[str, int, float], None]
"""Takes an answer's path, its status and the seconds that it took."""


def digest_of(token: str) -> bytes:
    """What is kept of a token: enough to know it again."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class Guards:
    """An application behind its guards.

    A body is read whole before the application hears of the request, so that none is larger than the limit whatever
    its headers say.

    Args:
        app: What answers.
        digest: Of the token that requests must bring; None lets everyone in.
        max_body: Bytes.
        paths: Those that are counted by their own names; a client could make up any number of others.
        told: Hears of each answer.
    """

    def __init__(self, app: ASGIApp, *, digest: bytes | None, max_body: int, paths: frozenset[str], told: Told) -> None:
        self._app, self._digest, self._max_body, self._paths, self._told = app, digest, max_body, paths, told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope["path"] if scope["path"] in self._paths else "other"
                self._told(path, message["status"], time.perf_counter() - begun)
            await send(message)

        await self._guarded(scope, receive, counted)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if scope["path"] not in OPEN and not self._is_let_in(headers.get(b"authorization", b"")):
            line = f"give the header `Authorization: Bearer TOKEN`, with the server's {TOKEN_VARIABLE}"
            await refuse(send, 401, line, {"WWW-Authenticate": "Bearer"})
            return
        told = headers.get(b"content-length", b"")
        if told.isdigit() and len(told) < 20 and int(told) > self._max_body:
            await self._refuse_as_large(send)
            return
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await self._read(receive)
        except TimeoutError:
            await refuse(send, 408, f"the body did not arrive within {READ_SECONDS:g} s: send it again")
            return
        except _TooLargeError:
            await self._refuse_as_large(send)
            return
        if body is not None:
            await self._app(scope, _replayed(body, receive), send)

    def _is_let_in(self, header: bytes) -> bool:
        if self._digest is None:
            return True
        scheme, _, token = header.partition(b" ")
        given = hashlib.sha256(token.strip()).digest()
        return hmac.compare_digest(given, self._digest) and scheme.lower() == b"bearer"

    async def _read(self, receive: Receive) -> bytes | None:
        """The body; None where whoever sent it has left."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self._max_body:
                raise _TooLargeError
            if not message.get("more_body", False):
                return bytes(body)

    async def _refuse_as_large(self, send: Send) -> None:
        await refuse(send, 413, f"the body has more than {self._max_body:,} bytes: send fewer texts, or --max-body")


class _TooLargeError(Exception):
    """A body has more bytes than it may."""


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What gives the body, and then what follows it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


async def refuse(send: Send, status: int, line: str, headers: dict[str, str] | None = None) -> None:
    """Send a line of JSON that says why there is no answer."""
    body = json.dumps({"error": one_line(line)}).encode()
    sent: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode()) for name, value in (headers or {}).items()),
    ]
    start: dict[str, Any] = {"type": "http.response.start", "status": status, "headers": sent}
    await send(start)
    await send({"type": "http.response.body", "body": body})
