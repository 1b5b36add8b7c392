from __future__ import annotations

import os
import time

import pytest

from nas_tuners.contract.errors import ConfigError
from trial_api.oneshot._status_log import StatusLog, _new_folder


def test_folders_of_one_second(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda _: "now")
    assert [_new_folder().as_posix() for _ in range(3)] == ["logs/now", "logs/now-2", "logs/now-3"]


def test_what_is_not_written_is_not_computed(tmp_path):
    log = StatusLog(tmp_path, clock=lambda: 5.0)
    reads = []

    def read():
        reads.append(1)
        return "sample", {"k": [1]}

    log.record(read, step=0, epoch=0)
    log._log._next = 6.0
    for step in range(1, 50):
        log.record(read, step=step, epoch=0)
    assert len(reads) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="Permission denied"):
        StatusLog(tmp_path / "logs")
