"""Rows and tables for the suite."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

from orchestrix.read_models import Table


@dataclass
class Balance:
    account_id: str
    owner: str | None = None
    balance: int = 0


@dataclass(frozen=True)
class Booking:
    day: date
    number: int
    amount: Decimal = Decimal(0)


class Color(Enum):
    RED = "r"
    BLUE = "b"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Shape(Enum):
    ROUND = (1, 2)
    FLAT = "flat"


@dataclass
class Part:
    name: str
    sizes: list[int] = field(default_factory=list)


@dataclass
class Everything:
    number: int
    text: str
    ratio: float
    is_on: bool
    blob: bytes
    amount: Decimal
    at: datetime
    day: date
    uid: UUID
    color: Color
    level: Level
    shape: Shape
    parts: list[Part]
    free: Any
    note: str | None = None
    total: Decimal | None = None
    seen: datetime | None = None
    mood: Color | None = None
    extra: dict[str, int] | None = None


FULL = Everything(
    number=-(2**63),
    text="é \U0001f382\n",
    ratio=float("inf"),
    is_on=True,
    blob=b"\0\xff",
    amount=Decimal("-12.340"),
    at=datetime(2026, 11, 23, 22, 14, 7, tzinfo=timezone(timedelta(hours=2))),
    day=date(26, 1, 2),
    uid=UUID(int=255),
    color=Color.BLUE,
    level=Level.HIGH,
    shape=Shape.ROUND,
    parts=[Part("wheel", [1, 2])],
    free={"a": [1, None, "x"]},
    note="",
    total=Decimal("1E+3"),
    seen=datetime(1, 1, 1, tzinfo=UTC),
    mood=Color.RED,
    extra={"b": 1, "a": 2},
)


def everything(**changes: Any) -> Everything:
    """FULL with changes."""
    return Everything(**(vars(FULL) | changes))


STORED = (
    -(2**63),
    "é \U0001f382\n",
    float("inf"),
    1,
    b"\0\xff",
    "-12.340",
    "2026-11-23 20:14:07.000000+00:00",
    "0026-01-02",
    "00000000-0000-0000-0000-0000000000ff",
    "b",
    2,
    "ROUND",
    '[{"name":"wheel","sizes":[1,2]}]',
    '{"a":[1,null,"x"]}',
    "",
    "1E+3",
    "0001-01-01 00:00:00.000000+00:00",
    "r",
    '{"b":1,"a":2}',
    None,
)
"""What a store is given of it, the segment key last."""


def accounts(**options: Any) -> Table[Balance]:
    return Table(Balance, key="account_id", name="balances", indexes=["owner"], **options)
