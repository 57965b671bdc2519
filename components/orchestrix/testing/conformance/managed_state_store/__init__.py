"""What a store promises that keeps what running projections takes, stated once.

A store's test subclasses :class:`ManagedStateStoreConformance` and gives a fixture `store`; one
whose storage can be opened twice gives `rival`, too. What it promises of states alone is in
:mod:`orchestrix.testing.conformance.projection_state_store`.
"""

from orchestrix.testing.conformance.managed_state_store.leases import Leases
from orchestrix.testing.conformance.managed_state_store.leaving import Leaving
from orchestrix.testing.conformance.managed_state_store.model import Model
from orchestrix.testing.conformance.managed_state_store.refusals import WRITES, Refusals
from orchestrix.testing.conformance.managed_state_store.requests import Requests
from orchestrix.testing.conformance.managed_state_store.samples import (
    NOW,
    everything,
    lease_of,
    names,
    only,
    parked,
    positions,
    prepare,
    save_and_add,
    set_aside,
    state,
    taken,
)
from orchestrix.testing.conformance.managed_state_store.setting_aside import SettingAside
from orchestrix.testing.conformance.managed_state_store.transactions import CHANGES, Transactions

__all__ = [
    "CHANGES",
    "NOW",
    "WRITES",
    "ManagedStateStoreConformance",
    "everything",
    "lease_of",
    "names",
    "only",
    "parked",
    "positions",
    "prepare",
    "save_and_add",
    "set_aside",
    "state",
    "taken",
]


class ManagedStateStoreConformance(
    SettingAside, Leaving, Transactions, Requests, Leases, Model, Refusals
):
    """What every managed state store promises, whatever it is made of."""
