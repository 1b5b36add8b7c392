"""The table of names: what it leads to exists, and the page shows it."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from typing import Any

import pytest

from nas_tuners.migrate import migrate
from nas_tuners.migrate._lookup import find_whole
from nas_tuners.migrate._page import names_table
from nas_tuners.migrate._table import Family, Name
from nas_tuners.migrate.names import ENVIRONMENT, FAMILIES, MODULES
from nas_tuners.multi_trial import Training
from tests.docs.kit import read_blocks, read_page
from trial_api.oneshot._options import Options

PAGE = "docs/moving_from_nni.md"
FACADE = "nas_tuners.retiarii"

ROWS = [(family, name) for family in FAMILIES for name in family.names]
TARGETS = [name for _, name in ROWS if name.ours is not None]


def _resolve(target: str) -> Any:
    package, _, name = target.partition(":")
    return getattr(importlib.import_module(package), name)


@pytest.mark.parametrize("name", TARGETS, ids=lambda name: f"{name.nni} {name.ours}")
def test_every_target_exists_and_takes_the_arguments_that_are_given_to_it(name: Name) -> None:
    assert name.ours is not None
    ours = _resolve(name.ours)
    if name.arguments is None:
        return
    kept = name.arguments.names[: name.arguments.kept]
    given = {name.arguments.renamed.get(one, one) for one in name.arguments.names}
    given |= {*name.arguments.renamed.values()}
    gone = name.arguments.gone.keys()
    parameters = inspect.signature(ours).parameters
    positional = [one.name for one in parameters.values() if one.kind is not one.KEYWORD_ONLY]
    assert positional[: len(kept)] == [name.arguments.renamed.get(one, one) for one in kept]
    known = {*parameters, *(Options.__annotations__ if "options" in parameters else ())}
    known |= {*(Training.__annotations__ if "training" in parameters else ())}
    assert given - gone - known == set()


@pytest.mark.parametrize("module", sorted(set(MODULES.values())))
def test_every_module_exists(module: str) -> None:
    assert importlib.import_module(module).__name__ == module


def test_decorators_exist() -> None:
    decorators = {name.decorator for _, name in ROWS if name.decorator is not None}
    assert decorators == {f"{FACADE}:model_wrapper"}
    assert callable(_resolve(*decorators))


def _advice() -> set[str]:
    """Every name of ours that a text of the table mentions."""
    arguments = [name.arguments for _, name in ROWS if name.arguments is not None]
    texts = [*(name.note for _, name in ROWS), *ENVIRONMENT.values()]
    texts += [text for one in arguments for text in one.gone.values()]
    pattern = r"(?:nas_tuners|trial_api|search_spaces)(?:\.\w+)+"
    return {found for text in texts for found in re.findall(pattern, text)}


@pytest.mark.parametrize("dotted", sorted(_advice()))
def test_every_name_in_advice_exists(dotted: str) -> None:
    package, _, name = dotted.rpartition(".")
    assert _resolve(f"{package}:{name}") is not None


@pytest.mark.parametrize(("family", "name"), ROWS, ids=lambda one: getattr(one, "nni", ""))
def test_every_row_is_found_where_nni_has_it(family: Family, name: Name) -> None:
    between = ".some.module" if family.nested else ""
    for module in family.modules:
        assert find_whole(f"{module}.{name.nni}") is name
        assert find_whole(f"{module}{between}.{name.nni}") is name
        assert find_whole(f"{module}.{name.nni}.attribute") is None


@pytest.mark.parametrize(
    "package", [FACADE, *(f"{FACADE}.{one}" for one in ("evaluator", "strategy"))]
)
def test_nothing_is_left_to_a_person_that_is_there(package: str) -> None:
    found = importlib.import_module(package)
    assert [name.nni for _, name in ROWS if name.ours is None and hasattr(found, name.nni)] == []


def test_every_row_without_a_target_says_what_to_do() -> None:
    assert [name.nni for _, name in ROWS if name.ours is None and not name.note] == []


def test_the_page_shows_what_becomes_of_its_script() -> None:
    script, shown = (block.text for block in read_blocks(PAGE) if block.language != "bash")
    after = migrate(script).text
    changes = difflib.unified_diff(script.splitlines(), after.splitlines(), n=0, lineterm="")
    expected = [line for line in list(changes)[2:] if line[0] in "+-"]
    assert [line for line in shown.splitlines() if line[0] in "+-"] == expected


def test_the_page_shows_the_table() -> None:
    """If it does not: print it with `nas-tuners migrate --names`."""
    assert names_table() in read_page(PAGE)
