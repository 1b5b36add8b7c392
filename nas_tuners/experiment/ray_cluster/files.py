"""Where the files of trials are that run on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas_tuners.contract.choices_log import GRAPH_FILE
from nas_tuners.contract.json_files import replace_text, write_text
from nas_tuners.contract.trial_io import Assignment

from ..trial_files import prepare, record, trial_folder


class NodeFolders:
    """Keeps the experiment's folder of each trial in step with the one on its node.

    Args:
        trials: The experiment's folder of trials, on this machine.
        shared: A folder that all nodes share, if there is one.
        all_here: Whether the only node is this machine.
    """

    def __init__(self, trials: Path, *, shared: str | None, all_here: bool) -> None:
        self._trials = trials.resolve()
        self._shared = Path(shared) if shared else None
        within = self._shared and self._trials.is_relative_to(self._shared.resolve())
        self._are_the_same = all_here or bool(within)

    def prepare(self, assignment: Assignment) -> str | None:
        """Ready a trial's folder; where its node shall make one, None for a temporary place."""
        if self._are_the_same:
            return str(self._trials)
        prepare(trial_folder(self._trials, assignment.number), assignment)
        return str(self._shared / assignment.experiment_id) if self._shared else None

    def note(self, number: int, place: Mapping[str, Any]) -> None:
        """Note where a trial runs."""
        folder = trial_folder(self._trials, number)
        record(folder, state="running", node=place["node"], node_folder=place["folder"])

    def bring_back(self, number: int, files: Mapping[str, str]) -> None:
        """Keep what a trial printed and reported on its node.

        The graph of the model space, which the first trials record, is the experiment's.
        """
        for name, text in files.items() if not self._are_the_same else ():
            if name == GRAPH_FILE:
                self._keep_graph(text)
            elif text:
                write_text(trial_folder(self._trials, number) / name, text)

    def _keep_graph(self, text: str) -> None:
        file = self._trials.parent / GRAPH_FILE
        if not file.exists():
            replace_text(file, text, durable=False)
