"""A block that does not work fails its page, and the message says which and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.kit import read_blocks, run_page

Page = Callable[..., str]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """Writes a page of blocks, each with its language before it."""

    def write(*blocks: str) -> str:
        path = tmp_path / "page.md"
        path.write_text("".join(f"```{block}\n```\n\n" for block in blocks))
        return str(path)

    return write


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("python\nx = 1 / 0", "block_1.py ends with 1.*ZeroDivisionError"),
        ("bash\nfalse\ntrue", "page.md:1: false"),
        ("yaml\nmax_trails: 3", "did you mean 'max_trials'"),
        ("yaml\nmax_trials: 3\nmax_trials: none", "max_trials"),
        ("yaml\n# config.yml\nmax_trials: 3", "command"),
        ('json\n{"a": 1}\n{"b": }', "Expecting value"),
    ],
)
def test_what_does_not_work(page: Page, tmp_path: Path, block: str, why: str) -> None:
    with pytest.raises(AssertionError, match=f"(?s){why}"):
        run_page(page(block), tmp_path)


def test_later_blocks_see_the_files_of_earlier_ones(page: Page, tmp_path: Path) -> None:
    blocks = ("python\n# net.py\nwidth = 3", "python\nfrom net import width\n\nassert width == 3")
    run_page(page(*blocks), tmp_path)


def test_a_script_that_a_command_names_runs_by_that_alone(page: Page, tmp_path: Path) -> None:
    script = "python\n# train.py\nimport sys\n\nprint(sys.argv[1])"
    run_page(page(script, "bash\npython train.py ready > said.txt"), tmp_path)
    assert (tmp_path / "said.txt").read_text() == "ready\n"


def test_blocks_are_read_with_their_places(page: Page) -> None:
    [first, shown] = read_blocks(page("python\n# a.py\nx = 1", "\nprinted"))
    assert (first.language, first.file, first.line) == ("python", "a.py", 1)
    assert (shown.language, shown.text, shown.line) == ("", "printed\n", 6)
