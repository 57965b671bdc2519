"""Read your writes over HTTP: who has written sees it in what is read next.

A response that follows an append carries the position in a header, and so does the next request:
it is answered once the projections have come that far. ASGI applications of any framework.
"""

import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

from orchestrix.eventsourcing import AppendResult, StorageError
from orchestrix.projection_runtime.errors import NotInTime, NotProcessed
from orchestrix.projection_runtime.runner import ProjectionRunner

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER: Final = "orchestrix-position"
"""The header's name, in requests and responses."""

_LARGEST: Final = 2**63 - 1


class _Written:
    """What one request has appended."""

    def __init__(self) -> None:
        self.position = 0


_written: ContextVar[_Written | None] = ContextVar("orchestrix_written", default=None)


def wrote(result: AppendResult) -> AppendResult:
    """Take note of an append, so that the response to this request tells; return it.

    Outside of a request nothing happens.
    """
    written = _written.get()
    if written is not None:
        written.position = max(written.position, result.last_position)
    return result


class ReadYourWrites:
    """Middleware: a request with a position waits until the projections have passed it.

    What comes too late is answered with 503 and ``Retry-After``, what will not come by waiting,
    such as an event that is set aside, with 500, and a position that is none with 400; each as
    ``application/problem+json``. Then the application is not called. Clients send the header of
    the last response that had it; with several writes, the largest: of the others it is not told
    whether an event is set aside.

    Args:
        application: What it stands before.
        runner: Whose projections are waited for, whoever runs them.
        projections: Which ones. None: all of the runner.
        seconds: The longest wait, at least 0.

    Raises:
        UnknownProjection: The runner has no projection of such a name.
        InvalidWait: `projections` or `seconds` is none of those.
    """

    def __init__(
        self,
        application: Application,
        runner: ProjectionRunner,
        projections: Collection[str] | None = None,
        seconds: float = 5.0,
    ) -> None:
        runner.check_wait(projections, seconds)
        self._application = application
        self._runner = runner
        self._projections = projections
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; all but HTTP passes as it is."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        problem = await self._problem_of(scope)
        if problem is not None:
            await _answer(problem, send)
            return
        written = _Written()
        before = _written.set(written)
        try:
            await self._application(scope, receive, _telling(send, written))
        finally:
            _written.reset(before)

    async def _problem_of(self, scope: Scope) -> tuple[int, str] | None:
        """Wait as the request asks; return why that failed, as a status and a sentence."""
        asked = [value for name, value in scope["headers"] if name.lower() == HEADER.encode()]
        if not asked:
            return None
        positions = [_position(each) for each in asked]
        if None in positions:
            return 400, f"{HEADER} is a position, a whole number from 0 on"
        position = max(each for each in positions if each is not None)
        try:
            await self._runner.wait_for(position, self._projections, self._seconds)
        except (NotInTime, StorageError) as error:
            return 503, str(error)
        except NotProcessed as error:
            return 500, str(error)
        return None


def _position(value: bytes) -> int | None:
    text = value.decode("latin-1").strip()
    if not text.isdecimal() or len(text) > len(str(_LARGEST)):
        return None
    return int(text) if int(text) <= _LARGEST else None


def _telling(send: Send, written: _Written) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start" and written.position:
            header = (HEADER.encode(), str(written.position).encode())
            message = {**message, "headers": [*message.get("headers", []), header]}
        await send(message)

    return told


_TITLES: Final = {
    400: "not a position",
    500: "a read model will not have it",
    503: "the read models are behind",
}


async def _answer(problem: tuple[int, str], send: Send) -> None:
    status, detail = problem
    body = json.dumps({"title": _TITLES[status], "status": status, "detail": detail}).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
