"""The documented ``orchestrix.infrastructure`` import paths; the objects live in the bricks.

A path whose brick needs a driver is imported only when it is asked for.
"""
