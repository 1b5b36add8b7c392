"""The public names of the package, resolved on first use."""

from __future__ import annotations

import subprocess
import sys

import pytest

import search_spaces


def test_the_package_itself_loads_no_torch() -> None:
    code = "import sys, search_spaces; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_are_sorted_listed_and_others_refused() -> None:
    assert search_spaces.__all__ == sorted(search_spaces.__all__)
    assert {*search_spaces.__all__} <= {*dir(search_spaces)}
    for name in search_spaces.__all__:
        assert len(getattr(search_spaces, name).__doc__ or "") > 20
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        search_spaces.Nothing  # noqa: B018 - reading it is the test
