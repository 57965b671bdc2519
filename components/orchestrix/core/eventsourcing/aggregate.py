"""Aggregates and their repository, from the ``eventsourcing`` brick."""

from orchestrix.eventsourcing import AggregateRepository, AggregateRoot

__all__ = ["AggregateRepository", "AggregateRoot"]
