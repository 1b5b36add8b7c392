from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import optuna
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from nas_tuners.contract.errors import ArchitectureError, ConfigError
from nas_tuners.viewer import plot_architecture, plot_choices, plot_search

from .graph_files import small_graph
from .nni_files import darts, write_run

KEYS = 14  # of the reduced DARTS space


@pytest.fixture(autouse=True)
def headless() -> Iterator[None]:
    """Figures of nobody else's, which are drawn into memory, without warnings."""
    before = mpl.get_backend()
    plt.switch_backend("Agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two alike blocks; ``conv`` settles on ``conv5x5`` at step 3."""
    (tmp_path / "graph.json").write_text(json.dumps(small_graph()))
    with (tmp_path / "log").open("w") as file:
        for step in range(20):
            conv = [0.4, 0.3, 0.3] if step < 3 else [0.2, 0.6, 0.2]
            status = {"conv": conv, "skip": [0.9, 0.1], "depth": [0.5, 0.5]}
            record = {"step": step, "epoch": 0, "time": 1.0, "kind": "probability"}
            file.write(json.dumps({**record, "status": status}) + "\n")
        status = {"conv": [0, 1, 0], "skip": [1, 0], "depth": [1, 0]}
        file.write(json.dumps({"step": 20, "kind": "final", "status": status}) + "\n")
    return tmp_path


def texts(ax: Axes) -> set[str]:
    return {text.get_text() for text in ax.texts}


def widths(ax: Axes) -> dict[str, float]:
    """Line width of each edge by its label."""
    return {str(patch.get_label()): patch.get_linewidth() for patch in ax.patches}


def saved(axes: Any, path: Path) -> bytes:
    figure = (axes if isinstance(axes, Axes) else axes[0]).figure
    figure.savefig(path, metadata={"Software": None})
    return path.read_bytes()


# ---- plot_architecture --------------------------------------------------------------------------


def test_without_an_architecture_the_last_probabilities_are_drawn(recording: Path) -> None:
    ax = plot_architecture(recording)
    assert isinstance(ax, Axes)
    assert ax.get_title(loc="left") == "Block"
    assert texts(ax) == {"input", "output", "conv5x5 0.60", "0.90"}
    strong, weak = widths(ax)["0.90"], widths(ax)["conv5x5 0.60"]
    assert strong == pytest.approx(0.6 + 4.4 * 0.9)
    assert weak == pytest.approx(0.6 + 4.4 * 0.6 * 0.1), "times the share of its input"


def test_an_architecture_is_drawn_by_what_it_chooses(recording: Path) -> None:
    chosen = {"conv": "conv3x3", "skip": [False, True], "depth": 32}
    ax = plot_architecture(recording, chosen)
    assert texts(ax) == {"input", "output", "conv3x3"}
    assert len(ax.patches) == 1
    other = plot_architecture(recording, {**chosen, "skip": "a"})
    assert texts(other) == {"input", "output"}
    file = recording / "architecture.json"
    file.write_text(json.dumps(chosen))
    assert texts(plot_architecture(recording / "graph.json", file)) == texts(ax)


def test_states_stand_from_left_to_right(recording: Path) -> None:
    ax = plot_architecture(recording)
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places["input"][0] < places["conv5x5 0.60"][0] < places["output"][0]
    assert places["conv5x5 0.60"][1] != places["0.90"][1]


def test_a_graph_without_a_log_names_the_keys() -> None:
    assert "conv: 3" in texts(plot_architecture(small_graph()))


def test_several_cells_are_an_array_and_one_can_be_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path, darts())
    axes = plot_architecture(folder)
    assert isinstance(axes, np.ndarray)
    assert [ax.get_title(loc="left") for ax in axes] == ["Cell normal", "Cell reduce"]
    assert len(axes[0].patches) == 7
    for cell in ("Cell reduce", 1):
        ax = plot_architecture(folder, cell=cell)
        assert ax.get_title(loc="left") == "Cell reduce"
        assert texts(ax) == texts(axes[1])
    with pytest.raises(ConfigError, match="no cell 'Cell normel'; did you mean 'Cell normal'"):
        plot_architecture(folder, cell="Cell normel")
    with pytest.raises(ConfigError, match="no cell 2"):
        plot_architecture(folder, cell=2)


def test_what_cannot_be_drawn_is_said(tmp_path: Path, recording: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        plot_architecture(tmp_path / "nowhere" / "graph.json")
    with pytest.raises(ConfigError, match="this is a search space, not a graph"):
        plot_architecture(small_graph()["search_space"])
    with pytest.raises(ConfigError, match="nothing can be drawn of this graph"):
        plot_architecture({"search_space": small_graph()["search_space"]})
    with pytest.raises(ArchitectureError, match="no candidate 'conv7x7'"):
        plot_architecture(recording, {"conv": "conv7x7", "skip": "a", "depth": 16})


def test_names_are_no_formulas(tmp_path: Path) -> None:
    graph = small_graph()
    names = ["$x_{$", "<b>", r"\frac $"]
    graph["choices"]["conv"]["names"] = names
    graph["search_space"] = {}
    for module in graph["modules"]:
        module["type"] = module["type"].replace("Block", "$Block_{$")
    graph["templates"][0]["name"] = "$Block_{$"
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    (tmp_path / "log").write_text('{"step": 1, "status": {"conv": [0.5, 0.2, 0.3]}}\n')
    ax = plot_architecture(tmp_path)
    assert r"\$x_{\$ 0.50" in texts(ax)
    saved(ax, tmp_path / "a.png")


# ---- plot_choices -------------------------------------------------------------------------------


def test_heat_maps_show_every_record(recording: Path) -> None:
    ax, other = plot_choices(recording)
    assert other.get_title(loc="left").startswith("skip: ")
    assert ax.figure.texts[0].get_text() == (
        "Columns are steps. Left out: 1 of 3 keys, which never told candidates apart."
    )
    [mesh] = ax.collections
    values = mesh.get_array().reshape(3, 21)
    assert values[:, 0].tolist() == [0.4, 0.3, 0.3]
    assert values[:, 19].tolist() == [0.2, 0.6, 0.2]
    assert mesh.get_clim() == (0.0, 0.6)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["conv3x3", "conv5x5", "skip"]
    [line] = ax.lines
    assert line.get_label() == "settled"
    assert list(line.get_xdata()) == [3, 3]
    assert ax.get_title(loc="left") == "conv: settled at step 3, up to 0.60"


def test_keys_can_be_named(recording: Path) -> None:
    axes = plot_choices(recording, keys=["skip", "depth"])
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles == [
        "skip: settled at step 0, up to 0.90",
        "depth: never told apart, up to 0.50",
    ]
    with pytest.raises(ConfigError, match="the log has no key 'skp'; did you mean 'skip'"):
        plot_choices(recording, keys=["skp"])
    with pytest.raises(ConfigError, match="empty"):
        plot_choices(recording, keys=[])


def test_a_log_alone_and_one_of_nni_are_drawn(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", darts())
    axes = plot_choices(folder)
    assert len(axes) == KEYS - 4, "switches are always 1"
    (folder / "graph.json").unlink()
    axes = plot_choices(folder / "log", keys=["normal_n2_p0"])
    assert [label.get_text() for label in axes.get_yticklabels()] == list("0123456")


def test_a_log_that_is_missing_empty_or_broken_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="log: there is no such file"):
        plot_choices(tmp_path)
    (tmp_path / "log").write_text("x\n")
    with pytest.raises(ConfigError, match="log, line 1: not JSON"):
        plot_choices(tmp_path)
    with pytest.raises(ConfigError, match="there is no"):
        plot_choices(tmp_path / "nowhere")


# ---- plot_search --------------------------------------------------------------------------------


def test_a_recording_is_drawn_by_its_entropy_and_its_changes(recording: Path) -> None:
    above, below = plot_search(recording)
    entropy = above.lines[0].get_ydata()
    assert len(entropy) == 21
    assert entropy[3] < entropy[2]
    assert np.isnan(entropy[20]), "the final record is no part of the search"
    [changes] = below.collections
    heights = [segment[:, 1].max() for segment in changes.get_segments()]
    assert [step for step, height in enumerate(heights) if height] == [3]
    assert above.get_title() == "Search: 2 of 2 choices settled"


def test_few_records_are_not_said_to_have_settled(recording: Path) -> None:
    lines = (recording / "log").read_text().splitlines(keepends=True)
    (recording / "log").write_text("".join(lines[:4]))
    axes = plot_choices(recording)
    assert [ax.get_title(loc="left") for ax in axes] == [
        "conv: too few records (4) to tell if it settled, up to 0.60",
        "skip: too few records (4) to tell if it settled, up to 0.90",
    ]
    assert not any(ax.lines for ax in axes)
    above, _ = plot_search(recording)
    assert above.get_title() == "Search: 0 of 2 choices settled, 2 with too few records"


def study_of(values: list[Any], **options: Any) -> optuna.Study:
    study = optuna.create_study(**options)
    for value in values:
        listed = value if isinstance(value, list) else [value]
        study.add_trial(optuna.trial.create_trial(values=listed))
    return study


def test_a_study_is_drawn_with_its_best_so_far() -> None:
    ax = plot_search(study_of([3.0, 1.0, 2.0, 0.5], direction="minimize"))
    [points] = ax.collections
    assert points.get_offsets().tolist() == [[0, 3.0], [1, 1.0], [2, 2.0], [3, 0.5]]
    [best] = ax.lines
    assert list(best.get_ydata()) == [3.0, 1.0, 1.0, 0.5]
    ax = plot_search(study_of([1.0, 3.0, 2.0], direction="maximize"))
    assert list(ax.lines[0].get_ydata()) == [1.0, 3.0, 3.0]


def test_each_objective_has_its_own_axes() -> None:
    study = study_of([[1.0, 5.0], [0.5, 6.0]], directions=["minimize", "maximize"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(["loss", "accuracy"])
    axes = plot_search(study)
    assert [ax.get_ylabel() for ax in axes] == ["loss", "accuracy"]
    assert [list(ax.lines[0].get_ydata()) for ax in axes] == [[1.0, 0.5], [5.0, 6.0]]


def test_a_storage_is_drawn_by_its_address(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study_of([3.0, 1.0], storage=url, study_name="a")
    assert list(plot_search(url).lines[0].get_ydata()) == [3.0, 1.0]


def test_what_is_no_search_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no trial of the study 'empty' is complete yet"):
        plot_search(optuna.create_study(study_name="empty"))
    with pytest.raises(ConfigError, match=r"must be a folder.*got int"):
        plot_search(3)
    with pytest.raises(ConfigError, match="there is no"):
        plot_search(tmp_path / "nowhere")


# ---- conventions --------------------------------------------------------------------------------


def test_figures_are_the_same_each_time_and_leave_others_alone(
    recording: Path, tmp_path: Path
) -> None:
    mine = plt.figure()
    color = plt.rcParams["axes.facecolor"]
    for plot in (plot_architecture, plot_choices, plot_search):
        first = saved(plot(recording), tmp_path / "1.png")
        assert saved(plot(recording), tmp_path / "2.png") == first
    assert plt.fignum_exists(mine.number)
    assert plt.rcParams["axes.facecolor"] == color


def test_nothing_is_warned_of(recording: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for plot in (plot_architecture, plot_choices, plot_search):
            saved(plot(recording), tmp_path / "figure.png")


def test_without_matplotlib_the_extra_is_named(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for plot in (plot_architecture, plot_choices, plot_search):
        with pytest.raises(ConfigError, match=r"pip install 'nas-tuners\[plot\]'"):
            plot(recording)


@pytest.mark.parametrize("plot", [plot_architecture, plot_choices])
def test_what_is_no_path(plot: Any) -> None:
    with pytest.raises(ConfigError, match="the folder of a recording, or a file of it, got a int"):
        plot(42)


@pytest.mark.parametrize("plot", [plot_search, plot_choices])
def test_a_folder_of_several_recordings(plot: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "log").write_text("{}\n")
    with pytest.raises(ConfigError, match=r"holds several recordings; take one .*\(one, two\)"):
        plot(tmp_path)
