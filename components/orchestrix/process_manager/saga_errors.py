"""Everything a saga may raise of its own; what its actions raise passes unwrapped.

* OrchestrixError
  * SagaError
    * InvalidSaga        steps, names or an id that cannot work (also a ValueError)
    * InvalidArguments   the steps cannot be called with what execute was given (also a ValueError)
    * SagaMismatch       the id belongs to a saga of another type, or with other steps
    * SagaInUse          it is executed already
    * SagaFailed         it has failed and is compensated: take a new id to try again
    * CompensationError  a compensation failed: what it was to undo stands
    * UnstorableValue    a store cannot keep an argument or a result (also a TypeError)
"""

from collections.abc import Mapping, Sequence

from orchestrix.messaging import OrchestrixError


class SagaError(OrchestrixError):
    """The saga refused, or is not what it should be."""


class InvalidSaga(SagaError, ValueError):
    """Steps, names or an id that cannot work. Nothing was done."""


class InvalidArguments(SagaError, ValueError):
    """The steps cannot be called with these arguments. Nothing was done.

    Attributes:
        saga_id: The saga.
        names: The arguments at fault.
        problem: What is wrong with them, and what to do.
    """

    def __init__(self, saga_id: str, names: Sequence[str], problem: str) -> None:
        self.saga_id = saga_id
        self.names = tuple(names)
        self.problem = problem
        super().__init__(saga_id, self.names, problem)

    def __str__(self) -> str:
        named = ", ".join(map(repr, self.names))
        return f"saga {self.saga_id!r}, arguments {named}: {self.problem}"


class SagaMismatch(SagaError):
    """A stored saga has this id and another type, or other steps. Nothing was done.

    Attributes:
        saga_id: The id.
        stored: Type and step names of the stored one, in words.
        expected: Those of this one.
    """

    def __init__(self, saga_id: str, stored: str, expected: str) -> None:
        super().__init__(saga_id, stored, expected)
        self.saga_id = saga_id
        self.stored = stored
        self.expected = expected

    def __str__(self) -> str:
        return (
            f"saga {self.saga_id!r} was begun as {self.stored}, and this one is {self.expected}; "
            "give it the type and the steps that it was begun with, or a new id"
        )


class SagaInUse(SagaError):
    """The same object is at work on it already. This call did nothing."""

    def __init__(self, saga_id: str) -> None:
        super().__init__(saga_id)
        self.saga_id = saga_id

    def __str__(self) -> str:
        return f"saga {self.saga_id!r} is executed already; wait for the end of that call"


class SagaFailed(SagaError):
    """The saga failed before, or in another process; its original error is known as text only.

    Attributes:
        saga_id: The saga.
        error: Class and text of what it failed for.
    """

    def __init__(self, saga_id: str, error: str | None) -> None:
        super().__init__(saga_id, error)
        self.saga_id = saga_id
        self.error = error

    def __str__(self) -> str:
        return (
            f"saga {self.saga_id!r} has failed ({self.error}) and is not run again; "
            "mend what hindered it and execute a saga with a new id"
        )


class CompensationError(SagaError):
    """A saga failed, and not all of what it had done could be undone.

    Attributes:
        saga_id: The saga.
        original_error: What it failed for; also the ``__cause__``, which pickling loses.
        failures: Step -> what its compensation raised. All others were called.
    """

    def __init__(
        self,
        saga_id: str,
        original_error: BaseException,
        failures: Mapping[str, BaseException],
    ) -> None:
        self.saga_id = saga_id
        self.original_error = original_error
        self.failures = dict(failures)
        super().__init__(saga_id, original_error, self.failures)

    def __str__(self) -> str:
        steps = ", ".join(map(repr, self.failures))
        return (
            f"saga {self.saga_id!r} failed, and so did the compensation of {steps}: what these "
            "steps did stands; see .failures, mend it and execute the saga again to try them again"
        )


class UnstorableValue(SagaError, TypeError):
    """A store cannot keep a saga's state. The state saved before is kept.

    Attributes:
        saga_id: The saga.
        value: The argument or the result at fault, in words.
    """

    def __init__(self, saga_id: str, value: str) -> None:
        super().__init__(saga_id, value)
        self.saga_id = saga_id
        self.value = value

    def __str__(self) -> str:
        return (
            f"saga {self.saga_id!r}: {self.value} cannot be copied, so it cannot be kept; "
            "use plain values, and let actions find connections and locks by themselves"
        )
