"""Over HTTP: who has written sees it in what is read next."""

import asyncio
import json
from typing import Any

import pytest

from orchestrix.messaging import NoRetry
from orchestrix.projection_runtime import FailurePolicy, ProjectionRunner, ReadYourWrites, wrote


class Client:
    """Calls an ASGI application as a server does."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def get(self, *values: bytes, scope: Any = None) -> tuple[int, dict[bytes, bytes], bytes]:
        """Ask with headers of the position; return status, headers and body."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        headers = [(b"Orchestrix-Position", each) for each in values]
        await self.application(scope or {"type": "http", "headers": headers}, receive, send)
        start, body = sent
        return start["status"], dict(start.get("headers", [])), body["body"]


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"server", b"a")]})
    await send({"type": "http.response.body", "body": b"called"})


@pytest.fixture
def runner(log, table_case):
    return ProjectionRunner(log, [table_case.engine], on_failure=FailurePolicy(retry=NoRetry()))


async def test_a_write_is_in_what_is_read_next(log, table_case, runner) -> None:
    async def write(scope: Any, receive: Any, send: Any) -> None:
        first = await log.deposit(5)
        wrote(await log.deposit(6, 7))
        wrote(first)
        await nothing(scope, receive, send)

    async def read(scope: Any, receive: Any, send: Any) -> None:
        body = json.dumps(await table_case.rows()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    _, headers, _ = await Client(ReadYourWrites(write, runner)).get()
    position = headers[b"orchestrix-position"]
    assert position == b"3"
    assert headers[b"server"] == b"a"

    async with runner.running():
        status, _, body = await Client(ReadYourWrites(read, runner)).get(position)
    assert (status, json.loads(body)) == (200, {"account-1": [5, 6, 7]})


async def test_the_largest_of_several_positions_is_waited_for(log, table_case, runner) -> None:
    await log.deposit(1)
    await runner.catch_up()
    await log.deposit(2)
    client = Client(ReadYourWrites(nothing, runner, seconds=0))

    assert (await client.get(b"0", b"2"))[0] == 503
    await runner.catch_up()
    assert (await client.get(b"2", b" 1 "))[::2] == (200, b"called")


async def test_a_request_without_a_position_waits_for_nothing(runner) -> None:
    status, headers, body = await Client(ReadYourWrites(nothing, runner)).get()

    assert (status, headers, body) == (200, {b"server": b"a"}, b"called")


async def test_what_comes_too_late_is_told(log, runner) -> None:
    await log.deposit(1)

    status, headers, body = await Client(ReadYourWrites(nothing, runner, seconds=0)).get(b"1")

    problem = json.loads(body)
    assert (status, headers[b"retry-after"]) == (503, b"1")
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-length"] == str(len(body)).encode()
    assert problem["status"] == 503
    assert "has not passed position 1" in problem["detail"]


async def test_what_is_set_aside_is_told(log, table_case, runner) -> None:
    table_case.failing = {1: -1}
    await log.deposit(1)
    await runner.catch_up()

    status, headers, body = await Client(ReadYourWrites(nothing, runner)).get(b"1")

    assert (status, b"retry-after" in headers) == (500, False)
    assert "set aside with the key 'account-1'" in json.loads(body)["detail"]


@pytest.mark.parametrize("value", [b"", b"-1", b"x", b"1.0", "²".encode(), b"9" * 19, b"1,2"])
async def test_a_position_that_is_none_is_refused(runner, value: bytes) -> None:
    status, _, body = await Client(ReadYourWrites(nothing, runner)).get(value)

    assert status == 400
    assert "a whole number from 0 on" in json.loads(body)["detail"]


async def test_only_the_chosen_projections_are_waited_for(log, new_table_case, table_case) -> None:
    slow = new_table_case("slow")
    both = ProjectionRunner(log, [table_case.engine, slow.engine])
    await log.deposit(1)
    await ProjectionRunner(log, [table_case.engine]).catch_up()

    application = ReadYourWrites(nothing, both, projections=["seen"], seconds=0)

    assert (await Client(application).get(b"1"))[0] == 200


async def test_what_others_write_meanwhile_is_not_told(log, runner) -> None:
    go_on = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await go_on.wait()
        await nothing(scope, receive, send)

    async def write(scope: Any, receive: Any, send: Any) -> None:
        wrote(await log.deposit(5))
        go_on.set()
        await nothing(scope, receive, send)

    first, second = await asyncio.gather(
        Client(ReadYourWrites(slow, runner)).get(), Client(ReadYourWrites(write, runner)).get()
    )

    assert b"orchestrix-position" not in first[1]
    assert b"orchestrix-position" in second[1]


async def test_other_connections_pass(runner) -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await nothing(scope, receive, send)

    await Client(ReadYourWrites(application, runner)).get(scope={"type": "websocket"})

    assert seen == [{"type": "websocket"}]


async def test_outside_of_a_request_nothing_is_noted(log) -> None:
    result = await log.deposit(1)

    assert wrote(result) is result
