"""The page on tables: its script makes the file that it describes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.docs.kit import run_page


def test_the_script_makes_the_arrays(tmp_path: Path) -> None:
    networks = {"02110221": {"test_acc": [93.1, 92.9, 93.0]}, "0" * 8: {"test_acc": [80, 81, 82]}}
    (tmp_path / "nas-bench-macro_cifar10.json").write_text(json.dumps(networks))
    run_page("docs/tables.md", tmp_path)
    made = np.load(tmp_path / "nas_bench_macro.npz")
    assert made["ops"].tolist() == [[0, 2, 1, 1, 0, 2, 2, 1], [0] * 8]
    assert np.allclose(made["test_acc_x100"], [[9310, 9290, 9300], [8000, 8100, 8200]])
