"""Any batches in any order: a table does what a dict does."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrix.read_models import CrossSegmentWrite, Table
from orchestrix.testing.conformance.deposits import Deposited, deposits
from orchestrix.testing.conformance.read_model_table.driver import Driver, SpiedStore
from orchestrix.testing.conformance.read_model_table.samples import Balance, accounts
from orchestrix.testing.conformance.read_model_table.suite import ReadModelTableSuite


class Model(ReadModelTableSuite):
    """Everything together."""

    # everything together

    @settings(
        max_examples=120, suppress_health_check=[HealthCheck.differing_executors], deadline=None
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(
                    ["put", "change", "delete", "get", "find", "all", "settle", "prefetch"]
                ),
                st.integers(0, 4),
                st.sampled_from(["Ada", "Bob", None]),
            ),
            max_size=60,
        ),
        sizes=st.lists(st.integers(1, 12) | st.just(1000), min_size=1, max_size=8),
        fails=st.sets(st.integers(0, 7)),
        cached_rows=st.integers(1, 6),
        restarts=st.sets(st.integers(0, 7)),
    )
    async def test_whatever_batches_do_a_table_is_a_dict(
        self,
        steps: list[tuple[str, int, str | None]],
        sizes: list[int],
        fails: set[int],
        cached_rows: int,
        restarts: set[int],
    ) -> None:
        store = SpiedStore(self.make_store())
        table = accounts(cached_rows=cached_rows, prefetch={Deposited: lambda e: str(e.amount)})
        driver, kept = Driver(store, table), dict[str, tuple[str | None, int]]()
        number = 0
        while steps:
            size = sizes[number % len(sizes)]
            now, steps = steps[:size], steps[size:]
            if number in restarts:
                driver = Driver(store, table)
            model = dict(kept)
            try:
                async with driver.batch():
                    for step in now:
                        await self._step(driver, table, model, *step)
                    if number in fails:
                        raise OSError("no")
                kept = model
            except OSError:
                assert number in fails
            found = await store.table(table).query()
            assert [(each.account_id, (each.owner, each.balance)) for each in found] == sorted(
                kept.items()
            )
            number += 1

    @settings(
        max_examples=120, suppress_health_check=[HealthCheck.differing_executors], deadline=None
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["put", "change", "delete", "get", "all", "settle"]),
                st.sampled_from("ab"),
                st.sampled_from(["one", "two", None]),
            ),
            max_size=12,
        ),
        sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4),
        cached_rows=st.integers(1, 3),
    )
    async def test_however_events_are_batched_the_same_writes_are_refused(
        self, steps: list[tuple[str, str, str | None]], sizes: list[int], cached_rows: int
    ) -> None:
        store, table = self.make_store(), accounts(cached_rows=cached_rows)
        driver, owners = Driver(store, table), dict[str, str | None]()
        number, is_refused = 0, False
        while steps and not is_refused:
            now, steps = steps[: sizes[0]], steps[sizes[0] :]
            sizes = [*sizes[1:], sizes[0]]
            is_refused = any([self._is_refused(owners, *each) for each in now])  # noqa: C419 - every one counts
            try:
                async with driver.batch():
                    for what, key, segment in now:
                        number += 1
                        driver.segment(segment)
                        await self._write_as(driver, table, what, key, number)
            except CrossSegmentWrite:
                assert is_refused
            else:
                assert not is_refused

    @staticmethod
    def _is_refused(
        owners: dict[str, str | None], what: str, key: str, segment: str | None
    ) -> bool:
        is_write = what in ("put", "delete") or (what == "change" and key in owners)
        is_foreign = None not in (owners.get(key), segment) and owners[key] != segment
        if what == "put":
            owners.setdefault(key, segment)
        elif what == "delete":
            owners.pop(key, None)
        return is_write and is_foreign

    @staticmethod
    async def _write_as(
        driver: Driver, table: Table[Balance], what: str, key: str, number: int
    ) -> None:
        match what:
            case "put":
                table.put(Balance(key, None, number))
            case "change":
                if (row := await table.get(key)) is not None:
                    row.balance = -number
            case "delete":
                table.delete(key)
            case "get":
                await table.get(key)
            case "all":
                await table.query()
            case _:
                await driver.settle()

    async def _step(
        self,
        driver: Driver,
        table: Table[Balance],
        model: dict[str, tuple[str | None, int]],
        what: str,
        number: int,
        owner: str | None,
    ) -> None:
        key = str(number)
        match what:
            case "put":
                table.put(Balance(key, owner, number))
                model[key] = owner, number
            case "change":
                if (row := await table.get(key)) is not None:
                    row.owner, row.balance = owner, row.balance + 1
                    model[key] = owner, model[key][1] + 1
            case "delete":
                table.delete(key)
                model.pop(key, None)
            case "get":
                row = await table.get(key)
                assert (None if row is None else (row.owner, row.balance)) == model.get(key)
            case "find":
                found = await table.query({"owner": owner}, limit=number)
                keys = sorted(each for each in model if model[each][0] == owner)[:number]
                assert [each.account_id for each in found] == keys
                for row in found:
                    row.balance += 1
                    model[row.account_id] = owner, row.balance
            case "all":
                found = await table.query(after=key)
                assert [(each.account_id, (each.owner, each.balance)) for each in found] == [
                    each for each in sorted(model.items()) if each[0] > key
                ]
            case "settle":
                await driver.settle()
            case _:
                await driver.settle(deposits(number))
