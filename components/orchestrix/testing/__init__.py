"""Tests that read as a sentence, and the promises of every port as tests.

``given(...).when(...).then(...)`` is for whoever writes aggregates, deciders and projections;
the suites in ``orchestrix.testing.conformance``, which need ``orchestrix[testing]``, are for
whoever writes a store or a bus. This module needs nothing but the library.
"""

from orchestrix.testing.aggregates import AggregateScenario
from orchestrix.testing.deciders import DeciderScenario
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.projections import ProjectionScenario
from orchestrix.testing.scenario import given

__all__ = [
    "AggregateScenario",
    "DeciderScenario",
    "InvalidScenario",
    "ProjectionScenario",
    "given",
]
