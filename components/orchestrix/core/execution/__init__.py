"""Execution, from the ``process_manager`` brick."""

from orchestrix.process_manager import Saga

__all__ = ["Saga"]
