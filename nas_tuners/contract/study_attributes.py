"""Names of the attributes that this project writes into an Optuna study and its trials."""

from __future__ import annotations

from typing import Any

# User attributes of a study: the one space it searches (its JSON), and how subsets are written.
SEARCH_SPACE_ATTR = "nas_tuners:search_space"
ENCODING_ATTR = "nas_tuners:encoding"

# User attribute of a trial: the architecture as people write it.
ARCHITECTURE_ATTR = "architecture"

# System attributes of a trial: what its tuner wants back with the result, and the proposed index
# vector for as long as the parameters are not all written.
NOTE_ATTR = "nas_tuners:note"
VECTOR_ATTR = "nas_tuners:vector"

# Optuna's own, from version 5: system attributes of a trial that start so hold by how much the
# rest of the name is beyond its bound.
CONSTRAINT_PREFIX = "constraints:"


def excess_of(trial: Any) -> dict[str, float]:
    """Constraint -> by how much a trial is beyond it; feasible where none is above 0."""
    constraints: dict[str, float] | None = getattr(trial, "constraints", None)  # of Optuna 5
    if constraints is not None:
        return dict(constraints)
    start = len(CONSTRAINT_PREFIX)
    attributes = trial.system_attrs.items()
    return {key[start:]: x for key, x in attributes if key.startswith(CONSTRAINT_PREFIX)}
