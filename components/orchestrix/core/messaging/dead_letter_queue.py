"""Dead letters, from the ``messaging`` brick."""

from orchestrix.messaging import DeadLetterQueue, DeadLetteredMessage, InMemoryDeadLetterQueue

__all__ = ["DeadLetterQueue", "DeadLetteredMessage", "InMemoryDeadLetterQueue"]
