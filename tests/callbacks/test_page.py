"""What docs/events.md shows runs, and it leaves no field out."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import yaml

from nas_tuners.experiment.events.callbacks import CALLBACKS
from nas_tuners.experiment.events.events import EVENTS, SUBSCRIPTIONS, TrialFinished
from nas_tuners.experiment.events.file import read_events
from nas_tuners.experiment.loop import Ending
from tests.docs.kit import read_blocks, read_page, run_page

PAGE = read_page("docs/events.md")


def test_every_event_is_described_with_its_fields() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|$", PAGE, re.MULTILINE))
    assert rows.keys() == EVENTS.keys()
    for name, event in EVENTS.items():
        fields = {field.name for field in dataclasses.fields(event)} - {"time", "experiment"}
        assert set(re.findall(r"`(\w+)`", rows[name])) == fields, name


def test_every_word_is_explained() -> None:
    for name in (*SUBSCRIPTIONS, *(ending.name.lower() for ending in Ending)):
        assert f"`{name}`" in PAGE, name


def test_the_line_that_is_shown_is_a_line_of_the_file() -> None:
    [line] = [block.text for block in read_blocks("docs/events.md") if block.language == "json"]
    record = json.loads(line)
    assert record.pop("event") == "trial_finished"
    assert TrialFinished(**record).record() == json.loads(line)


def test_the_short_names_are_shown() -> None:
    blocks = read_blocks("docs/events.md")
    examples = [it.text for it in blocks if it.language == "yaml" and "name:" in it.text]
    shown = {
        callback["name"]
        for text in examples
        for callback in yaml.safe_load(text.rpartition("# or with arguments:\n")[2])["callbacks"]
    }
    assert shown >= CALLBACKS.keys()


def test_the_example_works(tmp_path: Path) -> None:
    run_page("docs/events.md", tmp_path)
    events = read_events(tmp_path / "experiment" / "events.jsonl")
    assert [event["event"] for event in events].count("trial_reported") == 9
    assert (tmp_path / "best.txt").read_text().endswith("the end: max_trials reached\n")
    mail = (tmp_path / "mail.txt").read_text()
    assert mail == f"run_ended of {events[0]['experiment']}: max_trials reached\n"
