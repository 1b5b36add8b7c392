"""What an object was made with."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self


class NotesArguments:
    """Knows its constructor's arguments, so that another process can make the same."""

    __signature__: ClassVar[inspect.Signature]
    _made_with: tuple[tuple[Any, ...], dict[str, Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the signature of ``__init__``, which ``__new__`` would hide."""
        super().__init_subclass__(**kwargs)
        _self, *parameters = inspect.signature(cls.__init__).parameters.values()
        cls.__signature__ = inspect.Signature(parameters)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Note how it is made."""
        made = super().__new__(cls)
        made._made_with = (args, kwargs)
        return made

    @property
    def constructor_arguments(self) -> dict[str, Any]:
        """What its constructor was called with, by the names of its parameters."""
        args, kwargs = self._made_with
        signature = inspect.signature(type(self))
        arguments = dict(signature.bind(*args, **kwargs).arguments)
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                arguments |= arguments.pop(parameter.name, {})
        return arguments
