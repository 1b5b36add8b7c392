from __future__ import annotations

import subprocess
import sys

import pytest

import trial_api


def test_public_docstrings_show_how():
    for name in trial_api.__all__:
        value = getattr(trial_api, name)
        assert value.__name__ == name or name == "model_wrapper"  # another name of model_space
        assert "Example::" in value.__doc__ or name.endswith(("_id", "_dir"))


def test_unknown_names():
    with pytest.raises(AttributeError, match="'trial_api' has no attribute 'LayerChoise'"):
        trial_api.LayerChoise  # noqa: B018


def test_import_loads_only_the_standard_library_and_the_contract():
    code = """
import sys
before = set(sys.modules)
import trial_api
trial_api.get_sequence_id()
new = {name.partition(".")[0] for name in set(sys.modules) - before}
strangers = new - sys.stdlib_module_names - {"trial_api", "nas_tuners"}
assert not strangers, strangers
ours = {name for name in sys.modules if name.startswith("nas_tuners.")}
assert all(name.startswith(("nas_tuners.contract", "nas_tuners._lazy")) for name in ours), ours
from trial_api import LayerChoice
assert "torch" in sys.modules
assert "optuna" not in sys.modules
"""
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
