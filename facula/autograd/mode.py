"""Whether operations are recorded: per thread, switched by context managers that also decorate."""

import functools
import inspect
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self


class Mode(threading.local):
    """This thread's switches."""

    enabled = True
    inference = False


mode = Mode()


class _Switch:
    """A context manager and decorator that sets `mode.enabled` and puts it back."""

    value = True
    inference: bool | None = None

    def __init__(self) -> None:
        self._before: list[tuple[bool, bool]] = []

    def __enter__(self) -> Self:
        self._before.append((mode.enabled, mode.inference))
        mode.enabled = self.value
        if self.inference is not None:
            mode.inference = self.inference
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        mode.enabled, mode.inference = self._before.pop()

    def clone(self) -> "_Switch":
        """Another one of the same kind and setting, not yet entered.

        >>> import facula as torch
        >>> with torch.no_grad().clone():
        ...     torch.is_grad_enabled()
        False
        """
        return type(self)()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(function):
            return self.around_generator(function)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return wrapped

    def around_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A generator that runs switched, while its caller between the steps does not."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            steps = function(*args, **kwargs)
            sent = None
            try:
                while True:
                    with self.clone():
                        value = steps.send(sent)
                    sent = yield value
            except StopIteration as end:
                return end.value
            finally:
                steps.close()

        return wrapped


class no_grad(_Switch):
    """Operations inside are not recorded.

    >>> import facula as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> with torch.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    value = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        self = super().__new__(cls)
        if function is None:
            return self
        self.__init__()  # type: ignore[misc]
        return self(function)


class enable_grad(_Switch):
    """Operations inside the block, or in the decorated function, are recorded, also within
    `no_grad`.

    >>> import facula as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> with torch.no_grad(), torch.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    value = True


class inference_mode(_Switch):
    """Like `no_grad` for a block or a decorated function; with `mode` False like `enable_grad`.

    Differs from torch: results stay ordinary tensors, which may take part in a graph later.

    >>> import facula as torch
    >>> with torch.inference_mode():
    ...     y = torch.ones(1, requires_grad=True) * 2
    ...     torch.is_inference_mode_enabled()
    True
    >>> y.requires_grad
    False
    """

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.value = not mode
        self.inference = mode

    def clone(self) -> "_Switch":
        return inference_mode(bool(self.inference))


class set_grad_enabled(_Switch):
    """Switches recording on or off: from now on, or for a block, or in a decorated function.

    >>> import facula as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> with torch.set_grad_enabled(False):
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __init__(self, mode_: bool) -> None:
        super().__init__()
        self.value = bool(mode_)
        self._before.append((mode.enabled, mode.inference))
        mode.enabled = self.value

    def __enter__(self) -> Self:
        mode.enabled = self.value
        return self

    def clone(self) -> "_Switch":
        return set_grad_enabled(self.value)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        mode.enabled, mode.inference = self._before.pop()
        value = self.value

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with set_grad_enabled(value):
                return function(*args, **kwargs)

        return wrapped


def is_grad_enabled() -> bool:
    """True if operations are recorded in this thread.

    >>> import facula as torch
    >>> with torch.no_grad():
    ...     torch.is_grad_enabled()
    False
    """
    return mode.enabled


def is_inference_mode_enabled() -> bool:
    """True inside `inference_mode`.

    >>> import facula as torch
    >>> torch.is_inference_mode_enabled()
    False
    """
    return mode.inference
