"""Every block of every page runs in some test, or is declared with the reason why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.kit import ROOT, pages, read_blocks, read_page, run_page
from tests.docs.not_run import NOT_RUN

LANGUAGES = {"python", "bash", "yaml", "json", "{eval-rst}", ""}
COMMAND = re.compile(r"^(\$ |nas-tuners |python3? |pip |make |bash |export )", re.MULTILINE)


def _run_by_tests_of_their_own() -> set[str]:
    tests = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {page for text in tests for page in re.findall(r'\brun_page\("([^"]+)"', text)}


@pytest.mark.parametrize("page", sorted({*pages()} - _run_by_tests_of_their_own()))
def test_its_blocks_run(page: str, tmp_path: Path) -> None:
    run_page(page, tmp_path)


@pytest.mark.parametrize("page", pages())
def test_its_blocks_are_of_a_language_that_is_run(page: str) -> None:
    for block in read_blocks(page):
        assert block.language in LANGUAGES, f"{page}:{block.line}"
        if not block.language:
            assert not COMMAND.search(block.text), f"{page}:{block.line}: commands are bash"


def test_what_is_not_run_is_there_once() -> None:
    there = [(page, block.first_line) for page in pages() for block in read_blocks(page)]
    assert [there.count(block) for block in NOT_RUN] == [1] * len(NOT_RUN)


@pytest.mark.parametrize("page", pages())
def test_its_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!http|#)([^)#]+)", read_page(page)):
        assert ((ROOT / page).parent / target).exists(), target
