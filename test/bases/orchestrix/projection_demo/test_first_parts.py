"""Parts 1 and 2: the documentation page's example."""

from decimal import Decimal

from orchestrix.projection_demo.account_projection import ACCOUNT, AccountProjection, history
from orchestrix.projection_demo.engine_part import account_engine


def test_part_1_folds_the_events_of_a_stream_one_by_one(demo, bank):
    answer = demo("--data", bank.transactions(bank.credit(1, "930101", "9.00", "9.00")))

    assert answer.lines[5:8] == [
        "AccountCreated owner Ada -> balance 0.00",
        "MoneyDeposited amount 100.00 -> balance 100.00",
        "MoneyDeposited amount 50.00 -> balance 150.00",
    ]


def test_part_2_applies_events_once_and_replays_a_spoilt_read_model(demo, bank):
    answer = demo("--data", bank.transactions(bank.credit(1, "930101", "9.00", "9.00")))
    first = answer.lines.index("before no state 0.00")

    assert answer.lines[first : first + 5] == [
        "before no state 0.00",
        "process_events(events) 3 3 good 150.00",
        "the same events again 3 3 good 150.00",
        "a bug spoils the model 3 3 good -849.00",
        "replay(events) 3 3 good 150.00",
    ]


async def test_the_hook_empties_the_whole_read_model_before_a_replay():
    model = AccountProjection()
    engine = account_engine(model)
    model.balances["gone"] = Decimal(1)
    model.owners["gone"] = "nobody"
    await engine.replay(history())

    assert (model.balances, model.owners) == ({ACCOUNT: Decimal(150)}, {ACCOUNT: "Ada"})
    assert model.get_balance("gone") == 0
