"""How long a text a storage takes; what MariaDB does is tested with a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_tuners.experiment.storages.limits import refuse_too_long, shortened, text_limit
from nas_tuners.experiment.storages.storage import open_storage

RESULT = {"default": 1.0, "loss": 0.5, "curve": [0.25] * 100}


@pytest.mark.parametrize("url", ["sqlite:///{}/study.db", "journal:///{}/study.log"])
def test_files_have_no_limit(tmp_path: Path, url: str) -> None:
    with open_storage(url.format(tmp_path)) as storage:
        assert text_limit(storage) is None
        refuse_too_long(storage, {"the search space": "x" * 1_000_000})


@pytest.mark.parametrize("limit", [None, 10_000])
def test_what_fits_is_recorded_whole(limit: int | None) -> None:
    assert shortened(RESULT, needed=["default"], limit=limit) == RESULT


def test_what_does_not_fit_is_recorded_with_what_is_needed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept = shortened(RESULT, needed=["default", "loss", "latency"], limit=500)
    assert kept == {"default": 1.0, "loss": 0.5}
    assert "a result of 640 bytes" in caplog.text
    assert "the database takes 500" in caplog.text
