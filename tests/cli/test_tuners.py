"""``nas-tuners tuners``."""

from __future__ import annotations

import json
import re

import pytest

from nas_tuners.tuners._names import SAMPLERS
from nas_tuners.tuners._registry import TUNERS
from tests.experiment_kit import Project

FACTS = [
    "also",
    "strengths",
    "limits",
    "cost of a suggestion",
    "several objectives",
    "scores from elsewhere",
    "arguments",
]


def test_every_tuner_is_listed_with_what_it_is_for(project: Project) -> None:
    shown = project.command("tuners")
    assert shown.returncode == 0
    *listed, note = shown.stdout.strip().split("\n\n")
    assert note.startswith("Case, hyphens and underscores in names do not matter")
    entries = [entry.splitlines() for entry in listed]
    assert [entry[0].split()[0] for entry in entries] == [*sorted(TUNERS), *sorted(SAMPLERS)]
    for entry in entries:
        labels = [line[2:25].strip() for line in entry[1:] if line[2] != " "]
        assert labels == FACTS
        assert max(map(len, entry)) < 120


def test_one_is_described_with_its_arguments(project: Project) -> None:
    shown = project.command("tuners", "regularized_evolution").stdout
    assert shown.startswith("RegularizedEvolutionTuner\n\nEvolution in which the oldest dies")
    assert "arguments population_size" in " ".join(shown.split())
    assert "optimize_mode 'maximize'" in " ".join(shown.split())


def test_arguments_are_explained(project: Project) -> None:
    shown = project.command("tuners", "SPOS").stdout
    assert shown.startswith("SPOSEvolutionTuner\n")
    assert "    top_k  10\n        How many of the best are parents.\n" in shown
    assert "    seed  None\n        Of everything random; drawn once when None.\n" in shown
    assert "http" not in shown


def test_of_optunas_samplers_there_is_a_sentence_and_a_page(project: Project) -> None:
    shown = project.command("tuners", "cmaes").stdout
    assert re.search(
        r"^    use_separable_cma  False\n        [^.]+\.\n    \w", shown, re.MULTILINE
    )
    assert "  in full at https://optuna.readthedocs.io/" in shown
    assert shown.endswith("generated/optuna.samplers.CmaEsSampler.html\n")


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("RandomTuner", ["Random"]),
        ("GridSearchTuner", ["GridSearch", "grid"]),
        ("SPOSEvolutionTuner", ["SPOSEvolution", "spos"]),
        ("tpe", ["TPESampler", "motpe"]),
    ],
)
def test_other_names_are_told(project: Project, name: str, also: list[str]) -> None:
    listed = json.loads(project.command("tuners", "--json").stdout)
    assert {each["name"]: each["also"] for each in listed}[name] == also


def test_an_optuna_sampler_has_its_own_arguments_and_those_of_its_adapter(
    project: Project,
) -> None:
    described = json.loads(project.command("tuners", "tpe", "--json").stdout)
    assert described["name"] == "tpe"
    assert described["multi_objective"] is True
    assert described["arguments"]["n_startup_trials"] == "10"
    assert described["arguments"]["encoding"] == "None"


def test_a_class_of_ones_own_is_described_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = '''class Mine:
    """One of :class:`my.kind`, ``simple``
    and `good <https://example.org>`__.

    Details.

    Args:
        width: How wide; ``"thin"``
            or ``fat``.

            More of it.
        others: What is not an argument by name.

    Example::

        depth: no argument's text
    """

    def __init__(self, width, *, depth=3, **others): ...
'''
    (project.path / "own_code_of_a_user.py").write_text(code)
    monkeypatch.chdir(project.path)
    monkeypatch.syspath_prepend(str(project.path))
    described = json.loads(project.command("tuners", "own_code_of_a_user:Mine", "--json").stdout)
    assert described["summary"] == "One of my.kind, 'simple' and good."
    assert described["also"] == []
    assert described["explanations"] == {
        "width": "How wide; \"thin\" or 'fat'.",
        "optimize_mode": "Passed on to nothing: the object has its own.",
        "seed": "As 'optimize_mode'.",
    }
    assert described["arguments"] == {
        "width": "required",
        "depth": "3",
        "optimize_mode": "'maximize'",
        "seed": "None",
    }


def test_the_list_is_there_for_programs(project: Project) -> None:
    listed = {
        each["name"]: each for each in json.loads(project.command("tuners", "--json").stdout)
    }
    assert listed.keys() == {*TUNERS, *SAMPLERS}
    assert listed["nsga2"]["multi_objective"] is True
    assert listed["cmaes"]["multi_objective"] is False
    assert listed["RandomTuner"]["multi_objective"] is True
    assert listed["RegularizedEvolutionTuner"]["card"]["cost"] == "O(d)"


def test_an_unknown_one_suggests_the_nearest(project: Project) -> None:
    done = project.command("tuners", "LocalSerch")
    assert done.returncode == 2
    assert "no tuner 'LocalSerch'; did you mean 'LocalSearchTuner'?" in done.stderr
