import copy
import dataclasses
import pickle
import re
from dataclasses import FrozenInstanceError, InitVar, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import pytest

from orchestrix.messaging import Command, Event, Message, UnknownEvent, message_type, schema_version

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    owner: str = "Ada"


@dataclass(frozen=True, kw_only=True)
class Renamed(Event, type="bank.renamed", schema_version=2):
    owner: str = "Ada"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slotted(Event, type="bank.slotted"):
    owner: str = "Ada"


@dataclass(frozen=True)
class Positional(Event):
    owner: str
    amount: int = 0


class Plain(Event):
    owner = "Ada"


class PlainOfDecorated(Renamed):
    pass


class PlainOfSlotted(Slotted):
    pass


class PlainNamed(Event, type="bank.plain"):
    pass


class NamedInBody(Event):
    type = "bank.body"


@dataclass(frozen=True, kw_only=True)
class NamedAsField(Event):
    type: str = "bank.field"


@dataclass(frozen=True, kw_only=True)
class Checked(Event):
    amount: int = 1

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError(f"{self.type}: amount must be above 0, found {self.amount}")


@dataclass(frozen=True, kw_only=True)
class CheckedBySuper(Checked):
    def __post_init__(self) -> None:
        super().__post_init__()


class PlainChecked(Checked):
    def __post_init__(self) -> None:
        super().__post_init__()


class PlainUnchecked(Checked):
    def __post_init__(self) -> None: ...


class PlainOfChecked(Checked):
    pass


class Mixin:
    def __post_init__(self) -> None: ...


class PlainMixed(Mixin, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class Mixed(Mixin, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class Boxed(Event, Generic[T]):
    content: T | None = None


@dataclass(frozen=True, kw_only=True)
class Split(Event):
    name: InitVar[str]
    first: str = field(init=False)
    last: str = field(init=False)
    token: object = field(init=False, default_factory=object)

    def __post_init__(self, name: str) -> None:
        first, last = name.split()
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "last", last)


TYPES: list[tuple[type[Message], str]] = [
    (Message, "Message"),
    (Command, "Command"),
    (Event, "Event"),
    (Opened, "Opened"),
    (Renamed, "bank.renamed"),
    (Slotted, "bank.slotted"),
    (Plain, "Plain"),
    (PlainOfDecorated, "PlainOfDecorated"),
    (PlainOfSlotted, "PlainOfSlotted"),
    (PlainNamed, "bank.plain"),
    (NamedInBody, "bank.body"),
    (NamedAsField, "bank.field"),
    (Checked, "Checked"),
    (CheckedBySuper, "CheckedBySuper"),
    (PlainChecked, "PlainChecked"),
    (PlainUnchecked, "PlainUnchecked"),
    (PlainOfChecked, "PlainOfChecked"),
    (PlainMixed, "PlainMixed"),
    (Mixed, "Mixed"),
    (Boxed, "Boxed"),
]

CLASSES = [cls for cls, _ in TYPES]


def by_name(cls: type[Message]) -> str:
    return cls.__name__


# the type of a message


@pytest.mark.parametrize(("cls", "name"), TYPES)
def test_an_instance_carries_the_message_type_of_its_class(cls: type[Message], name: str) -> None:
    assert cls().type == message_type(cls) == name


@pytest.mark.parametrize("cls", CLASSES, ids=by_name)
def test_a_type_given_to_one_instance_is_kept(cls: type[Message]) -> None:
    assert cls(type="com.example.v1").type == "com.example.v1"


@pytest.mark.parametrize("cls", CLASSES, ids=by_name)
def test_an_empty_type_is_replaced_by_that_of_the_class(cls: type[Message]) -> None:
    assert cls(type="").type == message_type(cls)


def test_a_type_equal_to_that_of_a_base_class_is_kept_when_it_was_given() -> None:
    given = "".join(["bank", ".renamed"])

    assert PlainOfDecorated(type=given).type == "bank.renamed"


def test_a_subclass_does_not_inherit_the_type_that_its_base_said() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Sub(Renamed):
        pass

    assert Sub().type == "Sub"


def test_a_post_init_that_does_not_call_super_still_sees_the_type() -> None:
    with pytest.raises(ValueError, match="PlainOfChecked: amount must be above 0, found -1"):
        PlainOfChecked(amount=-1)


@pytest.mark.parametrize("name", ["", 3])
def test_a_class_whose_type_is_not_a_text_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="the message type must be a text"):
        type("Wrong", (Event,), {}, type=name)


def test_a_class_says_the_version_of_its_stored_form() -> None:
    assert [schema_version(cls) for cls in (Opened, Renamed, PlainOfDecorated)] == [1, 2, 1]


@pytest.mark.parametrize("version", [0, -1, True, "2", 1.5, None])
def test_a_schema_version_that_is_not_counted_from_one_is_refused(version: Any) -> None:
    with pytest.raises(ValueError, match=f"Wrong: schema_version counts from 1.*{version!r}"):
        type("Wrong", (Event,), {}, schema_version=version)


def test_an_unknown_class_keyword_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"^Wrong: no base takes the class keyword 'typ'; .* type and"
    ):
        type("Wrong", (Event,), {}, typ="bank.wrong")


def test_a_mixin_takes_its_own_class_keyword_and_refuses_in_its_own_words() -> None:
    class Shelved:
        def __init_subclass__(cls, *, shelf: str = "", **others: object) -> None:
            if shelf == "none":
                raise ValueError("no such shelf")
            cls.shelf = shelf

    for bases in ((Event, Shelved), (Shelved, Event)):
        assert type("Kept", bases, {}, shelf="top").shelf == "top"
        with pytest.raises(ValueError, match="no such shelf"):
            type("Kept", bases, {}, shelf="none")


# fields


def test_the_fields_have_the_names_of_cloudevents_but_timestamp_for_time() -> None:
    assert [each.name for each in dataclasses.fields(Message)] == [
        "id",
        "specversion",
        "type",
        "source",
        "timestamp",
        "subject",
        "data",
        "datacontenttype",
        "dataschema",
        "correlation_id",
        "causation_id",
    ]


def test_ids_of_messages_are_uuids_that_sort_by_creation() -> None:
    ids = [Opened().id for _ in range(1000)]

    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f-]{17}", i) for i in ids)


def test_any_text_is_accepted_as_an_id() -> None:
    assert Opened(id="order 7").id == "order 7"


def test_the_timestamp_is_now_in_utc() -> None:
    timestamp = Opened().timestamp

    assert timestamp.tzinfo is UTC
    assert abs(datetime.now(UTC) - timestamp) < timedelta(minutes=1)


def test_a_class_decorated_without_kw_only_takes_its_own_fields_by_position() -> None:
    event = Positional("Ada", 7, id="1")

    assert (event.owner, event.amount, event.id, event.type) == ("Ada", 7, "1", "Positional")


def test_a_class_without_the_decorator_adds_no_fields() -> None:
    assert Plain().owner == "Ada"
    with pytest.raises(TypeError, match="owner"):
        Plain(owner="Bob")  # pyright: ignore[reportCallIssue] - on purpose


@pytest.mark.parametrize("cls", CLASSES, ids=by_name)
def test_a_message_cannot_be_changed(cls: type[Message]) -> None:
    message = cls()

    with pytest.raises(FrozenInstanceError):
        message.id = "other"  # pyright: ignore[reportAttributeAccessIssue] - on purpose


def test_messages_are_equal_when_class_and_fields_are() -> None:
    event = Opened()

    assert event == replace(event)
    assert hash(event) == hash(replace(event))
    assert event != replace(event, owner="Bob")
    assert event != PlainOfDecorated(id=event.id, timestamp=event.timestamp)


# copies


@pytest.mark.parametrize("cls", CLASSES, ids=by_name)
def test_a_message_survives_pickling_and_copying(cls: type[Message]) -> None:
    message = cls(correlation_id="c")

    assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301 - made here
    assert copy.copy(message) == message
    assert copy.deepcopy(message) == message
    assert replace(message) == message


@pytest.mark.parametrize("cls", CLASSES, ids=by_name)
def test_a_copy_of_a_pickled_message_keeps_its_type(cls: type[Message]) -> None:
    message = pickle.loads(pickle.dumps(cls()))  # noqa: S301 - made here

    assert replace(message, id="other").type == message_type(cls)


# the story of a message


@pytest.mark.parametrize("cls", CLASSES, ids=by_name)
def test_a_caused_message_continues_the_story_of_its_cause(cls: type[Message]) -> None:
    cause = Opened(id="cause", correlation_id="story")
    message = cls()
    caused = message.caused_by(cause)

    assert (caused.correlation_id, caused.causation_id) == ("story", "cause")
    assert replace(caused, correlation_id=None, causation_id=None) == message
    assert type(caused) is cls


def test_a_message_without_a_story_begins_one() -> None:
    caused = Opened().caused_by(Opened(id="first"))

    assert (caused.correlation_id, caused.causation_id) == ("first", "first")


def test_the_message_itself_is_not_changed_by_its_copy() -> None:
    message = Opened()
    message.caused_by(Opened())

    assert (message.correlation_id, message.causation_id) == (None, None)


def test_a_caused_message_keeps_what_post_init_worked_out() -> None:
    message = Split(name="Ada Lovelace")
    caused = message.caused_by(Opened())

    assert (caused.first, caused.last) == ("Ada", "Lovelace")
    assert caused.token is message.token


# unknown events


def test_an_unknown_event_keeps_the_stored_type_and_content() -> None:
    event = UnknownEvent(type="bank.forgotten", data={"amount": 1})

    assert isinstance(event, Event)
    assert (event.type, event.data) == ("bank.forgotten", {"amount": 1})


def test_an_unknown_event_keeps_a_type_that_one_of_its_bases_has() -> None:
    assert UnknownEvent(type="Event").type == "Event"


def test_a_message_class_may_be_made_where_no_module_is_imported() -> None:
    source = "@dataclass(frozen=True)\nclass Made(Event):\n    owner: str"
    namespace: dict[str, Any] = {"__name__": "elsewhere", "dataclass": dataclass, "Event": Event}
    exec(source, namespace)  # noqa: S102 - made here

    assert namespace["Made"]("Ada").type == "Made"
