"""Claims on GPUs, by which runs on one machine keep out of each other's way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.experiment.gpus.claims import GpuClaims


def test_one_run_at_a_time(tmp_path: Path) -> None:
    first, second = GpuClaims(tmp_path / "claims"), GpuClaims(tmp_path / "claims")
    assert first.claim("GPU-a")
    assert first.claim("GPU-a")
    assert not second.claim("GPU-a")
    assert second.claim("GPU-b")
    first.keep(["GPU-b"])
    assert second.claim("GPU-a")
    assert not first.claim("GPU-b")


def test_a_run_that_is_killed_leaves_no_claim(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from nas_tuners.experiment.gpus.claims import GpuClaims\n"
        "print(GpuClaims(Path(sys.argv[1])).claim('GPU-a'), flush=True)\n"
        "sys.stdin.read()"
    )
    claims = GpuClaims(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not claims.claim("GPU-a")
        other.kill()
    assert claims.claim("GPU-a")


def test_programs_that_a_run_starts_do_not_keep_its_claims(tmp_path: Path) -> None:
    first, second = GpuClaims(tmp_path), GpuClaims(tmp_path)
    assert first.claim("GPU-a")
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        pass_fds=first._files.values(),  # as a process that is forked would have it
    ):
        assert not second.claim("GPU-a")
        first.keep([])
        assert second.claim("GPU-a")


def test_links_are_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    folder = tmp_path / "claims"
    folder.mkdir()
    (folder / "GPU-a").symlink_to(victim)
    with pytest.raises(ExperimentError, match="TMPDIR"):
        GpuClaims(folder).claim("GPU-a")
    assert not victim.exists()
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(ExperimentError, match="somebody else's"):
        GpuClaims(link).claim("GPU-b")


def test_only_its_user_can_see_the_folder(tmp_path: Path) -> None:
    GpuClaims(tmp_path / "claims").claim("GPU-a")
    assert (tmp_path / "claims").stat().st_mode & 0o077 == 0
