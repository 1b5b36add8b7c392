"""Pages of searches that run: they change by themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812

from search_spaces import darts
from tests.e2e import recordings
from tests.e2e.kit import Opened, Server, screenshot
from trial_api.oneshot import DartsTrainer


def test_an_experiment_that_has_only_begun(
    tmp_path: Path, view: Callable[..., Server], opened: Opened
) -> None:
    project = recordings.make_project(tmp_path, max_trials=5, concurrency=1)
    process = project.start_run()
    try:
        while not (project.experiment / "config.json").exists():
            assert process.poll() is None, process.communicate()
        page = opened(view("--experiment", project.experiment).url)
        page.get_by_role("tab", name="Trials").click()
        rows = page.locator("[role=grid] [role=row]")
        rows.nth(2).wait_for(timeout=60_000)  # the head, and more than the trial of the start
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        page.wait_for_function(
            "document.querySelectorAll('[role=grid] [role=row]').length >= 6", timeout=30_000
        )
        screenshot(page, "live-trials")
        assert rows.count() >= 6  # the head, and a row a trial: nothing was reloaded
        page.get_by_role("tab", name="Supernet").wait_for()  # the first trial recorded the graph
    finally:
        project.close()


def test_a_search_that_goes_on(
    tmp_path: Path, view: Callable[..., Server], opened: Opened
) -> None:
    torch.manual_seed(0)
    page = opened(view("--logdir", tmp_path).url)
    page.get_by_text("no search here yet").wait_for()
    model = darts(2, 3, in_channels=1, classes=2)
    trainer = DartsTrainer(
        model,
        F.cross_entropy,
        None,
        torch.optim.SGD(model.parameters(), 0.05),
        2,
        recordings.images(16, 0),
        batch_size=4,
        seed=0,
        progress=False,
    )
    trainer.enable_visualization(tmp_path / "search")
    page.get_by_role("tab", name="Cells").wait_for()
    trainer.train()
    page.get_by_text("final").first.wait_for()
    screenshot(page, "live-search")
