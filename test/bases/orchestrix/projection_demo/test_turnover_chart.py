"""The bars of monthly turnover."""

from datetime import date
from decimal import Decimal

import pytest

from orchestrix.projection_demo.turnover import MonthTurnover, Moved, month_after
from orchestrix.projection_demo.turnover_chart import shown_months, turnover_chart


def months(*amounts):
    made, month = [], date(1993, 1, 1)
    for came_in, went_out in amounts:
        kinds = {
            "in": Moved("in", True, 1, Decimal(came_in)),
            "out": Moved("out", False, 1, Decimal(went_out)),
        }
        made.append(MonthTurnover(month, kinds))
        month = month_after(month)
    return made


def drawn(*amounts):
    return turnover_chart(months(*amounts), is_ascii=True).plain.splitlines()


def test_each_month_has_a_bar_for_what_came_in_and_one_for_what_went_out():
    *rows, names = drawn((1000, 500), (500, 1000))

    assert names.split() == ["Jan", "Feb"]
    assert rows[0].split() == ["1k", "##", ".."]
    assert rows[-1].split() == ["0", "##..", "##.."]
    assert sum("##.." in row[6:10] for row in rows) == sum("##.." in row[11:15] for row in rows)


def test_bars_are_as_high_as_their_amounts():
    *rows, _names = drawn((1000, 250), (0, 0))
    height_in, height_out = sum("##" in row for row in rows), sum(".." in row for row in rows)

    assert (height_in, height_out) == (15, 5)  # rows stand for 0, 71, 143, 214, ...


@pytest.mark.parametrize(
    ("top", "scale"),
    [
        (0, ["1", "0"]),
        (7, ["6", "4", "2", "0"]),
        (22_508_267, ["20M", "15M", "10M", "5M", "0"]),
        (3_000_000_000, ["3G", "2G", "1G", "0"]),
        (10**14, ["100T", "80T", "60T", "40T", "20T", "0"]),
    ],
)
def test_the_scale_has_round_numbers(top, scale):
    *rows, _names = drawn((top, 0), (0, 0))

    assert [row[:6].strip() for row in rows if row[:6].strip()] == scale


def test_the_last_months_are_shown_when_there_is_no_room_for_all():
    all_months = months(*[(1, 1)] * 30)

    assert shown_months(all_months, width=80) == all_months[-14:]
    assert shown_months(all_months, width=1) == all_months[-2:]


def test_a_single_month_is_followed_by_an_empty_one():
    (december,) = months((5, 5))
    december.month = date(1993, 12, 1)
    _, empty = shown_months([december], width=80)

    assert (empty.month, empty.credits, empty.debits) == (date(1994, 1, 1), 0, 0)


def test_the_chart_has_a_frame_and_blocks_where_the_terminal_has_them():
    chart = turnover_chart(months((9, 4), (4, 9)), is_ascii=False).plain

    assert {"│", "└", "█", "░"} <= set(chart)
