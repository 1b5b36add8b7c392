"""What trainers ask of a mutator that they are given."""

from __future__ import annotations

from nas_tuners.contract.errors import ConfigError

from ..mutators import Mutator


def require_kind(mutator: object, kind: type[Mutator]) -> None:
    """Refuse a mutator of another kind than the algorithm needs; None stands for a new one.

    Raises:
        ConfigError: naming both kinds.
    """
    if mutator is not None and not isinstance(mutator, kind):
        got = type(mutator).__name__
        raise ConfigError(f"must be a {kind.__name__} or None, but got a {got}", "mutator")


def require_parameters(mutator: Mutator) -> None:
    """Refuse a mutator that cannot learn.

    Raises:
        ConfigError: if it has no parameters.
    """
    if next(mutator.parameters(), None) is None:
        got = type(mutator).__name__
        raise ConfigError(
            f"must have parameters, which the architecture is learned by, but a {got} has none; "
            "leave it out for the algorithm's own",
            "mutator",
        )
