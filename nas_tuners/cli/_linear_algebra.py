"""Linear algebra with one thread, in commands whose process only proposes architectures.

The matrices of a surrogate are small: several threads slow them down, many times while trials
keep every core busy, and may round differently for each number of threads, so that an experiment
resumed on a machine with more cores could go on otherwise. The libraries (OpenBLAS, MKL,
Accelerate) read their variables when they load; those are set back at once, so that trials never
see them.
"""

from __future__ import annotations

import os
import sys

_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_OF_THE_USER = ("OMP_NUM_THREADS", *_VARIABLES)


def load_with_one_thread() -> None:
    """Load numpy and scipy so; nothing if one is loaded already, or the user has set a number."""
    if "numpy" in sys.modules or any(name in os.environ for name in _OF_THE_USER):
        return
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    try:
        import numpy as np
        import scipy.linalg

        square = np.eye(2)
        scipy.linalg.cholesky(square @ square)  # some libraries start with the first product
    finally:
        for name in _VARIABLES:
            del os.environ[name]
