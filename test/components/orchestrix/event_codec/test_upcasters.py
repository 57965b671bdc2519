"""What older programs stored is brought to the version of today's class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrix.event_codec import CodecError, EventCodec, UnreadableEvent, UpcasterError
from orchestrix.messaging import Event, UnknownEvent

FEE = "codec-test.fee"
ENVELOPE: dict[str, Any] = {"id": "7", "timestamp": "2020-01-01T00:00:00Z"}


@dataclass(frozen=True, kw_only=True)
class Fee(Event, type=FEE, schema_version=4):
    amount: Decimal
    steps: list[str]


@dataclass(frozen=True, kw_only=True)
class First(Event, type="codec-test.first"):
    size: int = 1


Upcast = Callable[[dict[str, Any]], dict[str, Any]]


def stored(**fields: object) -> bytes:
    return msgspec.json.encode({**ENVELOPE, **fields})


def noting(name: str) -> Upcast:
    """An upcaster that leaves its name in `steps`."""

    def upcast(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "steps": [*data["steps"], name]}

    return upcast


def codec_with(*versions: tuple[int, int]) -> EventCodec:
    codec = EventCodec()
    for first, last in versions:
        codec.upcaster(FEE, first, last)(noting(f"{first}-{last}"))
    return codec


def steps_from(codec: EventCodec, version: int) -> list[str]:
    event = codec.decode(FEE, version, stored(amount="1.0", steps=[]))
    assert type(event) is Fee
    return event.steps


def refusal(codec: EventCodec, version: int, data: bytes | None = None) -> UnreadableEvent:
    with pytest.raises(UnreadableEvent) as caught:
        codec.decode(FEE, version, stored(amount="1.0", steps=[]) if data is None else data)
    assert caught.value.event_type == FEE
    assert caught.value.schema_version == version
    assert str(caught.value).startswith(
        f"an event of type '{FEE}' stored in version {version} cannot be read: "
    )
    return caught.value


# the way


@pytest.mark.parametrize(
    ("version", "way"),
    [(1, ["1-2", "2-3", "3-4"]), (2, ["2-3", "3-4"]), (3, ["3-4"]), (4, [])],
)
def test_upcasters_are_chained_to_the_version_of_the_class(version: int, way: list[str]) -> None:
    codec = codec_with((3, 4), (1, 2), (2, 3))

    assert steps_from(codec, version) == way


def test_an_upcaster_may_lead_over_several_versions() -> None:
    codec = codec_with((1, 3), (3, 4), (2, 3))

    assert steps_from(codec, 1) == ["1-3", "3-4"]
    assert steps_from(codec, 2) == ["2-3", "3-4"]


def test_one_upcaster_may_be_the_whole_way() -> None:
    assert steps_from(codec_with((1, 4)), 1) == ["1-4"]


def test_an_upcaster_leads_to_the_next_version_unless_it_says_another() -> None:
    codec = EventCodec()
    codec.upcaster(FEE, 3)(noting("3"))

    assert steps_from(codec, 3) == ["3"]


def test_an_upcaster_beyond_the_version_of_the_class_is_not_used() -> None:
    assert steps_from(codec_with((3, 4), (4, 5)), 3) == ["3-4"]


def test_an_upcaster_of_another_type_is_not_used() -> None:
    codec = codec_with((3, 4))
    codec.upcaster("codec-test.other", 3)(noting("other"))

    assert steps_from(codec, 3) == ["3-4"]


def test_a_codec_has_upcasters_of_its_own() -> None:
    codec_with((3, 4))

    refusal(codec_with(), 3)


def test_an_upcaster_that_is_registered_late_counts_from_then_on() -> None:
    codec = codec_with((2, 3), (3, 4))
    assert steps_from(codec, 2) == ["2-3", "3-4"]
    refusal(codec, 1)

    codec.upcaster(FEE, 1)(noting("late"))

    assert steps_from(codec, 1) == ["late", "2-3", "3-4"]


def test_registering_gives_the_function_back_as_it_is() -> None:
    upcast = noting("1")

    assert EventCodec().upcaster(FEE, 1)(upcast) is upcast


def test_an_upcaster_is_called_when_the_event_is_read_and_not_before() -> None:
    called: list[int] = []
    codec = EventCodec()

    @codec.upcaster(FEE, 3)
    def count(data: dict[str, Any]) -> dict[str, Any]:
        called.append(1)
        return data

    read = codec.decoder(FEE, 3)
    assert called == []
    read(stored(amount="1", steps=[]))
    read(stored(amount="1", steps=[]))

    assert called == [1, 1]


# the data


def test_an_upcaster_gets_plain_json_values_of_the_whole_event() -> None:
    seen: list[dict[str, Any]] = []
    codec = EventCodec()

    @codec.upcaster(FEE, 3)
    def keep(data: dict[str, Any]) -> dict[str, Any]:
        seen.append(dict(data))
        return data

    codec.decode(FEE, 3, stored(amount="1.50", steps=[], old={"a": [1, 2**70, 1.5, None]}))

    assert seen == [ENVELOPE | {"amount": "1.50", "steps": [], "old": {"a": [1, 2**70, 1.5, None]}}]


def test_an_upcaster_that_changes_its_data_changes_nothing_else() -> None:
    codec = EventCodec()

    @codec.upcaster(FEE, 3)
    def change(data: dict[str, Any]) -> dict[str, Any]:
        data["steps"].append("changed")
        data["amount"] = str(Decimal(data.pop("cents")) / 100)
        return data

    data = stored(cents=150, steps=[])
    read = codec.decoder(FEE, 3)
    before = bytes(data)

    assert read(data) == read(data)
    assert read(data) == codec.decode(FEE, 4, stored(amount="1.5", steps=["changed"]))
    assert data == before


def test_an_upcaster_may_return_what_json_can_carry() -> None:
    codec = EventCodec()

    @codec.upcaster(FEE, 3)
    def exact(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "amount": Decimal("0.10"), "steps": ("a",)}

    event = codec.decode(FEE, 3, stored())

    assert isinstance(event, Fee)
    assert (repr(event.amount), event.steps) == ("Decimal('0.10')", ["a"])


def test_an_upcast_event_is_written_in_the_version_of_its_class() -> None:
    codec = codec_with((3, 4))
    event = codec.decode(FEE, 3, stored(amount="1.0", steps=[]))

    again = codec.encode(event)

    assert again.schema_version == 4
    assert codec.decode(FEE, again.schema_version, again.data) == event


# plain events, version 0


def test_a_plain_event_stays_plain_without_an_upcaster_from_version_0() -> None:
    codec = EventCodec()
    codec.upcaster("codec-test.first", 1)(noting("1"))

    assert type(codec.decode("codec-test.first", 0, stored(data={"size": 5}))) is Event


def test_a_plain_event_becomes_one_of_the_class_by_an_upcaster_from_version_0() -> None:
    codec = EventCodec()
    before = codec.encode(Event(type="codec-test.first", data={"size": 5}, id="7"))
    assert type(codec.decode("codec-test.first", 0, before.data)) is Event

    @codec.upcaster("codec-test.first", 0)
    def from_payload(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, **data["data"], "data": None}

    event = codec.decode("codec-test.first", 0, before.data)

    assert isinstance(event, First)
    assert (event.id, event.size, event.data) == ("7", 5, None)


def test_an_upcaster_from_version_0_of_an_unknown_class_gives_an_unknown_event() -> None:
    codec = EventCodec()
    codec.upcaster("codec-test.no-class", 0)(noting("0"))

    assert type(codec.decode("codec-test.no-class", 0, stored())) is UnknownEvent


# versions that lead nowhere


def test_a_missing_upcaster_is_answered_with_the_line_to_write() -> None:
    text = str(refusal(codec_with(), 1))

    assert text.endswith(
        'its class has version 4; register an upcaster: @codec.upcaster("codec-test.fee", 1)'
    )


def test_the_line_to_write_begins_where_the_chain_ends() -> None:
    text = str(refusal(codec_with((1, 2), (3, 4)), 1))

    assert '@codec.upcaster("codec-test.fee", 2)' in text


def test_a_version_above_that_of_the_class_was_written_by_a_newer_program() -> None:
    text = str(refusal(codec_with((3, 4)), 5))

    assert text.endswith(
        "its class here has version 4, so a newer program wrote it; run that one, or a later one"
    )


def test_a_chain_that_leads_past_the_class_names_its_last_upcaster() -> None:
    text = str(refusal(codec_with((1, 3), (3, 6)), 1))

    assert "upcast (3 to 6) leads past version 4 of its class" in text


# what upcasters do wrong


def test_an_upcaster_that_raises_is_named() -> None:
    codec = EventCodec()

    @codec.upcaster(FEE, 3)
    def clumsy(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "amount": data["cents"]}

    error = refusal(codec, 3)

    assert "clumsy (3 to 4) raised KeyError('cents')" in str(error)
    assert isinstance(error.__cause__, KeyError)


@pytest.mark.parametrize("result", [None, "text", [("a", 1)], b"{}"])
def test_an_upcaster_that_returns_no_dict_is_named(result: Any) -> None:
    codec = EventCodec()

    @codec.upcaster(FEE, 3)
    def clumsy(data: dict[str, Any]) -> dict[str, Any]:
        return result

    text = str(refusal(codec, 3))

    assert f"clumsy (3 to 4) returned {result!r}; it has to return the new data" in text


def test_the_upcaster_is_named_whose_data_does_not_fit_the_class() -> None:
    codec = codec_with((1, 3))

    @codec.upcaster(FEE, 3)
    def clumsy(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "amount": "much"}

    text = str(refusal(codec, 1))

    assert f"clumsy (3 to 4) returned what does not fit {__name__}.Fee (Inv" in text
    assert text.endswith("$.amount`); mend it")


def test_the_upcaster_is_named_whose_data_is_no_json() -> None:
    codec = EventCodec()

    @codec.upcaster(FEE, 3)
    def clumsy(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "extra": object()}

    assert "clumsy (3 to 4) returned what does not fit" in str(refusal(codec, 3))
    assert "objects of type object is unsupported" in str(refusal(codec, 3))


class Clumsy:
    """An upcaster without a name of its own."""

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("no")

    def __repr__(self) -> str:
        return "<Clumsy>"


def test_an_upcaster_without_a_name_is_shown() -> None:
    codec = EventCodec()
    codec.upcaster(FEE, 3)(Clumsy())

    assert "upcaster <Clumsy> (3 to 4) raised ValueError('no')" in str(refusal(codec, 3))


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"null", b'{"id": "\xff"}', b"[" * 100_000])
def test_what_is_no_json_object_does_not_reach_an_upcaster(data: bytes) -> None:
    assert "it is not a JSON object (" in str(refusal(codec_with((3, 4)), 3, data))


def test_an_upcaster_is_not_asked_about_data_in_the_version_of_the_class() -> None:
    assert "it does not fit" in str(refusal(codec_with((3, 4), (4, 5)), 4, stored()))


# registering


@pytest.mark.parametrize(
    ("first", "last"),
    [(-1, 1), (1, 1), (2, 1), (0, 0), (1.0, 2), (1, 2.0), (True, 2), ("1", 2), (1, "2")],
)
def test_an_upcaster_that_leads_nowhere_is_refused(first: Any, last: Any) -> None:
    with pytest.raises(UpcasterError, match=f"'{FEE}' leads .*; found {first!r} to {last!r}"):
        EventCodec().upcaster(FEE, first, last)(noting("x"))


@pytest.mark.parametrize("upcaster", [None, {"a": 1}, "function"])
def test_what_cannot_be_called_is_no_upcaster(upcaster: Any) -> None:
    with pytest.raises(UpcasterError, match=f"of '{FEE}' is a function from data to data, found"):
        EventCodec().upcaster(FEE, 1)(upcaster)


@pytest.mark.parametrize("last", [None, 2, 3])
def test_a_second_upcaster_from_one_version_is_refused_and_the_first_stays(last: int) -> None:
    codec = EventCodec()

    @codec.upcaster(FEE, 1, 4)
    def first(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "steps": ["first"]}

    with pytest.raises(UpcasterError, match=r"'codec-test.fee' has .*first \(1 to 4\) already"):
        codec.upcaster(FEE, 1, last)(noting("second"))
    assert steps_from(codec, 1) == ["first"]


def test_two_types_may_have_an_upcaster_from_one_version_each() -> None:
    codec = codec_with((3, 4))

    codec.upcaster("codec-test.other", 3)(noting("other"))


def test_a_mapping_is_not_enough() -> None:
    codec = EventCodec()

    class Frozen(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            raise KeyError(key)

        def __iter__(self) -> Any:
            return iter(())

        def __len__(self) -> int:
            return 0

    codec.upcaster(FEE, 3)(lambda data: Frozen())  # type: ignore[arg-type,return-value]

    with pytest.raises(CodecError, match="it has to return the new data, a dict"):
        codec.decode(FEE, 3, stored())
