"""The page on NNI's files: its commands read one."""

from __future__ import annotations

import json
from pathlib import Path

from tests.docs.kit import run_page

CONFIG = """
authorName: somebody
experimentName: digits
trialConcurrency: 1
maxTrialNum: 2
trainingServicePlatform: local
searchSpacePath: search_space.json
tuner:
  builtinTunerName: PPOTuner
trial:
  command: python3 train.py
  codeDir: .
  gpuNum: 0
"""
TRIAL = "import trial_api\n\ntrial_api.report_final_result(trial_api.get_next_parameter()['a'])\n"


def test_its_commands_work(tmp_path: Path) -> None:
    (tmp_path / "config_ppo.yml").write_text(CONFIG)
    (tmp_path / "train.py").write_text(TRIAL)
    space = {"a": {"_type": "choice", "_value": [1, 2, 3]}}
    (tmp_path / "search_space.json").write_text(json.dumps(space))
    run_page("docs/nni.md", tmp_path)
    [trials] = tmp_path.rglob("trials")
    assert len(list(trials.glob("*/metrics.jsonl"))) == 2
