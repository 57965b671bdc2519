"""What tables of read models promise, over any store, stated once.

A store's test subclasses :class:`ReadModelTableConformance` and gives a fixture `store` and
`make_store`. The engine is played by the ``Driver`` of the module beside it.
"""

from orchestrix.testing.conformance.read_model_table.batches import Batches
from orchestrix.testing.conformance.read_model_table.cache import Cache
from orchestrix.testing.conformance.read_model_table.failures import Failures
from orchestrix.testing.conformance.read_model_table.model import Model
from orchestrix.testing.conformance.read_model_table.queries import Queries
from orchestrix.testing.conformance.read_model_table.samples import (
    Balance,
    Everything,
    accounts,
    everything,
)
from orchestrix.testing.conformance.read_model_table.schemas import Schemas
from orchestrix.testing.conformance.read_model_table.segments import Segments
from orchestrix.testing.conformance.read_model_table.values import Values

__all__ = ["Balance", "Everything", "ReadModelTableConformance", "accounts", "everything"]


class ReadModelTableConformance(
    Batches, Failures, Queries, Values, Schemas, Segments, Cache, Model
):
    """What every store of tables promises."""
