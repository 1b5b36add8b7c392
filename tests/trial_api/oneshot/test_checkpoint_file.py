from __future__ import annotations

import contextlib
import os
import random

import numpy as np
import pytest
import torch

from nas_tuners.contract.errors import CheckpointError
from trial_api.oneshot._checkpoint_file import FORMAT, VERSION, read_checkpoint, write_checkpoint
from trial_api.randomness import random_state, set_random_state

CONTENT = {"trainer": "T", "parts": {"weights": torch.arange(1000.0), "step": 3}}


class Opens:
    """Runs code when it is unpickled by somebody who trusts the file."""

    def __init__(self, target) -> None:
        self.target = str(target)

    def __reduce__(self):
        return open, (self.target, "w")


class Fails:
    def __reduce__(self):
        raise ZeroDivisionError


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_round_trip(tmp_path):
    file = tmp_path / "new" / "folder" / "file.pt"
    write_checkpoint(file, CONTENT)
    found = read_checkpoint(file, trainer="T")
    assert torch.equal(found["parts"]["weights"], CONTENT["parts"]["weights"])
    assert found["parts"]["step"] == 3
    assert names(file.parent) == ["file.pt"]


def test_a_failing_save_leaves_the_old_file(tmp_path):
    file = tmp_path / "file.pt"
    write_checkpoint(file, CONTENT)
    before = file.read_bytes()
    with pytest.raises(ZeroDivisionError):
        write_checkpoint(file, {"trainer": "T", "parts": {"big": torch.ones(9), "bad": Fails()}})
    assert file.read_bytes() == before
    assert names(tmp_path) == ["file.pt"]


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    file, target = tmp_path / "file.pt", tmp_path / "target"
    torch.save({"format": FORMAT, "version": VERSION, "trainer": Opens(target)}, file)
    with pytest.raises(CheckpointError, match=r"file.pt: not a readable checkpoint"):
        read_checkpoint(file, trainer="T")
    assert not target.exists()


def test_the_message_does_not_advise_to_trust_the_file(tmp_path):
    file = tmp_path / "file.pt"
    torch.save({"format": FORMAT, "trainer": Opens(tmp_path / "target")}, file)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(file, trainer="T")
    assert "you trust" not in str(caught.value)
    assert "something else than tensors and plain values" in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match=r"none.pt: no such file"):
        read_checkpoint(tmp_path / "none.pt", trainer="T")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"PK\x03\x04", b"\x80\x02}q\x00.", b"\x00" * 99]
)
def test_files_of_another_kind(content, tmp_path):
    file = tmp_path / "file.pt"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"file.pt: not a"):
        read_checkpoint(file, trainer="T")


def test_a_folder(tmp_path):
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        read_checkpoint(tmp_path, trainer="T")


def test_damaged_files(tmp_path):
    file = tmp_path / "file.pt"
    write_checkpoint(file, CONTENT)
    whole, rng = file.read_bytes(), random.Random(0)
    for _ in range(40):
        file.write_bytes(whole[: rng.randrange(len(whole))])
        with pytest.raises(CheckpointError, match="damaged"):
            read_checkpoint(file, trainer="T")


def test_flipped_bytes_are_an_error_of_ours_or_do_no_harm(tmp_path):
    file = tmp_path / "file.pt"
    write_checkpoint(file, {**CONTENT, "random": random_state()})
    whole, rng = file.read_bytes(), random.Random(0)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        with contextlib.suppress(CheckpointError):
            read_checkpoint(file, trainer="T")


def test_plain_weights(tmp_path):
    file = tmp_path / "file.pt"
    torch.save(torch.nn.Linear(2, 2).state_dict(), file)
    with pytest.raises(CheckpointError, match="Plain weights are loaded with load_supernet"):
        read_checkpoint(file, trainer="T")


def test_another_trainer(tmp_path):
    file = tmp_path / "file.pt"
    write_checkpoint(file, CONTENT)
    with pytest.raises(CheckpointError, match="written by T; it cannot be resumed by Other"):
        read_checkpoint(file, trainer="Other")


@pytest.mark.parametrize("version", [VERSION + 1, None])
def test_another_version(version, tmp_path):
    file = tmp_path / "file.pt"
    content = {"format": FORMAT, "trainer": "T", "version": version}
    torch.save({key: value for key, value in content.items() if value is not None}, file)
    with pytest.raises(CheckpointError, match=f"format {version}, but this version reads"):
        read_checkpoint(file, trainer="T")


def test_a_content_without_a_trainer(tmp_path):
    file = tmp_path / "file.pt"
    torch.save({"format": FORMAT, "version": VERSION}, file)
    with pytest.raises(CheckpointError, match="written by None"):
        read_checkpoint(file, trainer="T")


def test_no_permission(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    file = tmp_path / "file.pt"
    write_checkpoint(file, CONTENT)
    file.chmod(0)
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        read_checkpoint(file, trainer="T")


def test_random_states_go_through_files(tmp_path):
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    random.gauss(0, 1)  # one more is kept for the next call
    np.random.standard_normal()
    write_checkpoint(tmp_path / "file.pt", {"trainer": "T", "random": random_state()})

    def draws() -> list[float]:
        return [random.gauss(0, 1), np.random.standard_normal(), torch.randn(()).item()]

    expected = [draws() for _ in range(3)]
    set_random_state(read_checkpoint(tmp_path / "file.pt", trainer="T")["random"])
    assert [draws() for _ in range(3)] == expected
