"""The projection engine, from what a handler may be to what the state remembers.

Top down: ``engine`` (what users call), ``work`` and ``transactional_work`` (one call on one
projection), ``registry`` and ``routes`` (who handles what), ``recorded_feed``, ``bare_feed`` and
``batch_feed`` (the loops), ``progress`` (the state while it is being worked on).
"""
