"""What is raised for a scenario that cannot be told, as opposed to one that came out otherwise.

* OrchestrixError
  * InvalidScenario     given, when and then do not fit together (also a ValueError)

One that came out otherwise is an AssertionError.
"""

from orchestrix.messaging import OrchestrixError


class InvalidScenario(OrchestrixError, ValueError):
    """The test is put together the wrong way; the text says how it is right."""
