"""What every test shares: a clean environment, and few threads."""

from __future__ import annotations

import os
import sys

import pytest

# Before numpy is loaded: small matrices are far slower in several threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The fixtures `other_computer`, `postgres` and `fresh_database`; servers import networks.
pytest_plugins = ["tests.networks", "tests.servers"]

pytest.register_assert_rewrite(
    "nas_tuners.testing", "trial_api.testing", "optuna.testing.pytest_samplers"
)


@pytest.fixture(autouse=True)
def _no_trial_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test inherits the folder of a trial that it may itself run in."""
    for name in list(os.environ):
        if name.startswith("NAS_TUNERS_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    """Tiny networks are faster so; tests that never import torch do not pay for it here."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
