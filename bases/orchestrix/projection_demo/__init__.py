"""Events become read models: two small examples, then 30,000 real bank transactions."""

from orchestrix.projection_demo.command import main

__all__ = ["main"]
