"""Aggregates by themselves: which method an event reaches, and what is counted."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from bank_account import Account, Deposited, NotEnough, Opened

from orchestrix.eventsourcing import AggregateRoot, InvalidAggregate
from orchestrix.messaging import Event
from orchestrix.testing import given


@dataclass(frozen=True, kw_only=True)
class XMLImported(Event):
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class LargeXMLImported(XMLImported):
    pass


@dataclass(frozen=True, kw_only=True)
class Dotted(Event, type="bank.rows-counted.v1"):
    rows: int = 0


@dataclass
class Table(AggregateRoot):
    seen: list[str] = field(default_factory=list[str])

    def _when_x_m_l_imported(self, event: XMLImported) -> None:
        self.seen.append(f"xml {event.rows}")

    def _when_bank_rows_counted_v1(self, event: Dotted) -> None:
        self.seen.append(f"dotted {event.rows}")

    def _when_order_placed(self, event: Event) -> None:
        self.seen.append(f"placed {event.data}")


def test_an_event_reaches_the_method_of_its_class_name() -> None:
    assert given(Table, XMLImported(rows=3)).state.seen == ["xml 3"]


def test_an_event_of_another_type_than_its_class_reaches_it_too() -> None:
    assert given(Table, XMLImported(rows=3, type="bank.imported.v1")).state.seen == ["xml 3"]


def test_an_event_of_a_subclass_reaches_the_method_of_its_base_class() -> None:
    assert given(Table, LargeXMLImported(rows=4)).state.seen == ["xml 4"]


def test_the_method_of_a_class_goes_before_that_of_its_base_class() -> None:
    @dataclass
    class Both(Table):
        def _when_large_x_m_l_imported(self, event: LargeXMLImported) -> None:
            self.seen.append(f"large {event.rows}")

    both = given(Both, XMLImported(rows=1), LargeXMLImported(rows=2)).state

    assert both.seen == ["xml 1", "large 2"]


def test_an_event_is_known_by_its_type_where_no_class_is() -> None:
    assert given(Table, Dotted(rows=2), Event(type="OrderPlaced", data=5)).state.seen == [
        "dotted 2",
        "placed 5",
    ]


def test_two_types_of_one_class_are_told_apart() -> None:
    placed = Event(type="OrderPlaced", data=1), Event(type="else"), Event(type="OrderPlaced")

    assert given(Table, *placed).state.seen == ["placed 1", "placed None"]


def test_an_event_without_a_method_changes_nothing_but_is_kept() -> None:
    event = Event(type="something")
    table = given(Table).when(lambda table: table._apply_event(event)).then(event).state

    assert (table.seen, table.version) == ([], 1)


def test_the_version_counts_events_new_ones_included() -> None:
    before = Opened(owner="Ada"), Deposited(amount=Decimal(5))
    account = given(Account, *before).when(lambda account: account.withdraw(3)).state

    assert (account.version, len(account.uncommitted_events), account.balance) == (3, 1, 2)


def test_an_event_that_cannot_be_followed_is_not_kept() -> None:
    class Broken(Account):
        def _when_opened(self, event: Opened) -> None:
            raise KeyError(event.owner)

    broken = Broken("a-1")
    with pytest.raises(KeyError):
        broken.open("Ada")

    assert (broken.version, broken.uncommitted_events) == (0, [])


def test_what_is_refused_records_nothing() -> None:
    account = Account("a-1")
    with pytest.raises(NotEnough):
        account.withdraw(1)

    assert account.uncommitted_events == []


def test_events_may_come_as_any_iterable() -> None:
    account = Account("a-1")
    account._replay_events((Opened(owner="Ada"), Deposited(amount=Decimal(5))))
    account._replay_events(iter([Deposited(amount=Decimal(1))]))

    assert (account.balance, account.version) == (6, 3)


def test_committed_events_are_forgotten_without_touching_who_keeps_the_list() -> None:
    account = Account("a-1")
    account.open("Ada")
    kept = account.uncommitted_events
    account.mark_events_committed()

    assert (len(kept), account.uncommitted_events, account.version) == (1, [], 1)


def test_a_name_that_is_nearly_that_of_an_event_is_asked_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @dataclass
    class Misspelt(AggregateRoot):
        def _when_xml_imported(self, event: Event) -> None: ...

        def _when_openedd(self, event: Event) -> None: ...

    misspelt = Misspelt("m-1")
    for _ in range(2):
        misspelt._apply_event(Opened(owner="Ada"))
    misspelt._apply_event(Event(type="else"))

    assert (
        caplog.text.count("has no _when_opened, so such an event changes nothing; is _when_o") == 1
    )
    assert caplog.text.count("has no") == 1


def test_what_follows_an_event_is_not_async() -> None:
    class Waiting(Account):
        async def _when_opened(self, event: Opened) -> None: ...  # type: ignore[override]

    with pytest.raises(InvalidAggregate, match=r"Waiting._when_opened is async, so calling it"):
        Waiting("a-1").open("Ada")


def test_two_aggregates_share_no_events() -> None:
    one, other = Account("a-1"), Account("a-2")
    one.open("Ada")

    assert other.uncommitted_events == []


def test_the_name_of_a_method_has_an_underscore_before_every_capital() -> None:
    assert Account()._to_snake_case("XMLParser") == "x_m_l_parser"
