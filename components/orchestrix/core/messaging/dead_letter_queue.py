"""Dead letters, from the ``messaging`` brick."""

from orchestrix.messaging import DeadLetteredMessage, DeadLetterQueue, InMemoryDeadLetterQueue

__all__ = ["DeadLetterQueue", "DeadLetteredMessage", "InMemoryDeadLetterQueue"]
