"""Tests that read as a sentence, and the promises of every port as tests.

``given(...).when(...).then(...)`` is for whoever writes aggregates, deciders, projections and
processes; the suites in ``orchestrix.testing.conformance``, which need ``orchestrix[testing]``,
are for whoever writes a store or a bus. This module needs nothing but the library.
"""

from orchestrix.testing.aggregates import AggregateScenario
from orchestrix.testing.deciders import DeciderScenario
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.processes import ProcessScenario
from orchestrix.testing.projections import ProjectionScenario
from orchestrix.testing.scenario import given

__all__ = [
    "AggregateScenario",
    "DeciderScenario",
    "InvalidScenario",
    "ProcessScenario",
    "ProjectionScenario",
    "given",
]
