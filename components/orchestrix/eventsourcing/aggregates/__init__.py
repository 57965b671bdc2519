"""Aggregates and deciders: loading, deciding, saving what was decided.

Top down: ``repository`` (what users call), ``decisions`` (what is appended, once), ``streams``
(what is read), ``snapshots``, ``steps`` (the same for sync and async stores).
"""
