from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.experiment_kit import Project

OLD = "import nni\nnni.report_final_result(0.5)\n"
NEW = "import trial_api\ntrial_api.report_final_result(0.5)\n"
LEFT = "import nni\nnni.nothing()\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(OLD)
    return path


def test_what_would_change_is_a_patch(project: Project, script: Path) -> None:
    done = project.command("migrate", script)
    assert done.returncode == 0
    assert done.stderr == ""
    assert script.read_text() == OLD
    patch = ["patch", "-p0", str(script)]
    subprocess.run(patch, input=done.stdout, text=True, check=True, capture_output=True)
    assert script.read_text() == NEW


def test_a_patch_of_a_script_without_a_last_newline(project: Project, script: Path) -> None:
    script.write_text(OLD.rstrip())
    done = project.command("migrate", script)
    patch = ["patch", "-p0", str(script)]
    subprocess.run(patch, input=done.stdout, text=True, check=True, capture_output=True)
    assert script.read_text() == NEW.rstrip()


def test_in_place_keeps_the_original(project: Project, script: Path) -> None:
    script.chmod(0o754)
    done = project.command("migrate", "--in-place", script)
    assert done.returncode == 0
    assert done.stdout == f"{script}: migrated; the original is {script}.orig\n"
    assert script.read_text() == NEW
    assert (script.parent / "script.py.orig").read_text() == OLD
    assert stat.S_IMODE(script.stat().st_mode) == 0o754
    assert sorted(os.listdir(script.parent)) == ["script.py", "script.py.orig"]


def test_in_place_twice_changes_nothing(project: Project, script: Path) -> None:
    project.command("migrate", "-i", script)
    before = script.stat()
    done = project.command("migrate", "-i", script)
    assert done.returncode == 0
    assert done.stderr == f"{script}: nothing to change\n"
    assert script.stat() == before
    assert sorted(os.listdir(script.parent)) == ["script.py", "script.py.orig"]


def test_no_copy_is_lost(project: Project, script: Path) -> None:
    copies = [script.with_name(f"script.py.orig{number}") for number in ("", "1")]
    copies[0].write_text("precious")
    copies[1].write_text("as well")
    project.command("migrate", "-i", script)
    assert [copy.read_text() for copy in copies] == ["precious", "as well"]
    assert script.with_name("script.py.orig2").read_text() == OLD


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(project: Project, script: Path) -> None:
    script.parent.chmod(0o555)
    done = project.command("migrate", "-i", script)
    script.parent.chmod(0o755)
    assert done.returncode == 2
    assert f"{script}: cannot be written: " in done.stderr
    assert script.read_text() == OLD


def test_a_name_that_is_no_folder(project: Project, script: Path) -> None:
    done = project.command("migrate", script, "-o", script / "new.py")
    assert done.returncode == 2
    assert f"{script}/new.py: cannot be written: " in done.stderr
    assert script.read_text() == OLD


def test_a_link_stays_a_link(project: Project, script: Path) -> None:
    link = script.with_name("link.py")
    link.symlink_to(script)
    project.command("migrate", "-i", link)
    assert link.is_symlink()
    assert script.read_text() == NEW


def test_to_another_file(project: Project, script: Path) -> None:
    target = script.parent / "new" / "script.py"
    for _ in range(2):
        done = project.command("migrate", script, "-o", target)
        assert done.returncode == 0
        assert done.stdout == f"{target}: written\n"
        assert (script.read_text(), target.read_text()) == (OLD, NEW)


def test_another_file_is_not_overwritten(project: Project, script: Path) -> None:
    target = script.with_name("mine.py")
    target.write_text("mine")
    done = project.command("migrate", script, "-o", target)
    assert done.returncode == 2
    assert f"{target}: is there already; name another file" in done.stderr
    assert target.read_text() == "mine"
    done = project.command("migrate", script, "-o", script.parent)
    assert done.returncode == 2
    assert "a folder; name a file" in done.stderr


def test_what_is_left_is_listed_and_has_an_exit_code(project: Project, script: Path) -> None:
    other = script.with_name("other.py")
    other.write_text(LEFT)
    done = project.command("migrate", "-i", script, other)
    assert done.returncode == 6
    message = "`nni.nothing` is not known here: it was left as it is"
    assert done.stderr == f"{other}:3: {message}\n"
    assert other.read_text() == f"import nni\n# nas-tuners: {message}\nnni.nothing()\n"
    assert script.read_text() == NEW
    again = project.command("migrate", "-i", script, other)
    assert again.returncode == 6
    assert f"{other}:3: {message}\n" in again.stderr


def test_all_bad_files_are_named_and_nothing_is_written(project: Project, script: Path) -> None:
    latin = script.with_name("latin.py")
    latin.write_bytes(b"x = '\xfc'\n")
    folder = script.with_name("folder")
    folder.mkdir()
    notebook = script.with_name("cells.ipynb")
    notebook.write_text("{}")
    gone = script.with_name("gone.py")
    done = project.command("migrate", "-i", script, latin, folder, gone, notebook)
    assert done.returncode == 2
    assert f"{notebook}: a notebook; save its cells as a script: jupyter nbconvert" in done.stderr
    assert f"{latin}: not a text in UTF-8, or as it declares: " in done.stderr
    assert f"{folder}: a folder; name the scripts, as {folder}/*.py" in done.stderr
    assert "gone.py: no such file" in done.stderr
    assert script.read_text() == OLD


def test_broken_scripts_are_named_and_nothing_is_written(project: Project, script: Path) -> None:
    broken = [script.with_name(f"broken{number}.py") for number in range(2)]
    for path in broken:
        path.write_text("import nni\nx = (\n")
    done = project.command("migrate", "-i", script, *broken)
    assert done.returncode == 2
    for path in broken:
        assert f"{path}: line " in done.stderr
    assert "not Python 3" in done.stderr
    assert script.read_text() == OLD


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffimport nni\r\nnni.get_trial_id('ü')\r\n".encode(),
        "# coding: latin-1\nimport nni\nnni.get_trial_id('ü')\n".encode("latin-1"),
    ],
    ids=["utf-8 with a mark", "latin-1"],
)
def test_the_encoding_stays(project: Project, script: Path, content: bytes) -> None:
    script.write_bytes(content)
    assert project.command("migrate", "-i", script).returncode == 0
    assert script.read_bytes() == content.replace(b"nni", b"trial_api")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a script, or several"),
        (["a.py", "b.py", "-o", "c.py"], "takes one script; use --in-place for several"),
        (["a.py", "-o", "c.py", "-i"], "not allowed with"),
    ],
)
def test_wrong_arguments(project: Project, arguments: list[str], message: str) -> None:
    done = project.command("migrate", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_help_and_the_table(project: Project) -> None:
    assert "usage: nas-tuners migrate" in project.command("migrate", "--help").stdout
    table = project.command("migrate", "--names")
    assert table.returncode == 0
    assert "| `LearningRateScheduler` | `trial_api.oneshot.LRSchedulerCallback` |" in table.stdout
