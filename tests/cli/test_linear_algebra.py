from __future__ import annotations

import os
import subprocess
import sys

import pytest

_THREADS_OF_A_PRODUCT = """
import os, sys
from nas_tuners.cli._linear_algebra import load_with_one_thread
before = dict(os.environ)
load_with_one_thread()
assert dict(os.environ) == before
import numpy as np
square = np.ones((600, 600))
np.linalg.cholesky(square @ square + 1e6 * np.eye(600))
print(len(os.listdir("/proc/self/task")))
"""
_NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
@pytest.mark.parametrize("variables", [{}, {"OPENBLAS_NUM_THREADS": "2"}])
def test_one_thread_unless_the_user_wants_more(variables: dict[str, str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in _NAMES}
    done = subprocess.run(
        [sys.executable, "-c", _THREADS_OF_A_PRODUCT],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    wanted = min(int(variables.get("OPENBLAS_NUM_THREADS", 1)), os.cpu_count() or 1)
    # numpy and scipy may bring a library each
    assert (int(done.stdout) > 1) == (wanted > 1)
