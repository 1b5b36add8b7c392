"""Names of the attributes that this project writes into an Optuna study and its trials."""

from __future__ import annotations

# User attributes of a study: the one space it searches (its JSON), and how subsets are written.
SEARCH_SPACE_ATTR = "nas_tuners:search_space"
ENCODING_ATTR = "nas_tuners:encoding"

# User attribute of a trial: the architecture as people write it.
ARCHITECTURE_ATTR = "architecture"

# System attributes of a trial: what its tuner wants back with the result, and the proposed index
# vector for as long as the parameters are not all written.
NOTE_ATTR = "nas_tuners:note"
VECTOR_ATTR = "nas_tuners:vector"
