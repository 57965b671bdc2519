"""Messages, from the ``messaging`` brick."""

from orchestrix.messaging import Command, Event, Message

__all__ = ["Command", "Event", "Message"]
