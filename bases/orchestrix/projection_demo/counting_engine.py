"""An engine that tells what this process did, apart from what others did to its projection."""

from orchestrix.eventsourcing import ProjectionEngine


class CountingEngine(ProjectionEngine):
    """Counts the events that it handled itself.

    The state counts what all processes handled. A runner initializes its engine whenever it has
    got the projection from somebody else, so what is added from there on is this engine's.
    """

    _earlier = 0
    _found = 0

    @property
    def handled(self) -> int:
        """How many events it handled, those that it has no handler for not counted."""
        return self._earlier + self._applied() - self._found

    async def initialize(self) -> None:
        """Load the state as others have left it."""
        self._earlier = self.handled
        self._found = self._applied()  # should loading fail, nothing counts twice
        await super().initialize()
        self._found = self._applied()

    def _applied(self) -> int:
        state = self.get_state()
        return self._found if state is None else state.applied_count
