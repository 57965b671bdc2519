"""Command handlers, from the ``messaging`` brick."""

from orchestrix.messaging import CommandHandler

__all__ = ["CommandHandler"]
