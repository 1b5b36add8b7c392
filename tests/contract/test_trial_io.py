"""What a trial is given and what it reports, through real files."""

from __future__ import annotations

import json
import math
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_tuners.contract.errors import MetricError, TrialError
from nas_tuners.contract.trial_io import (
    MAX_RECORD,
    METRICS_FILE,
    PARAMETERS_FILE,
    Assignment,
    Metric,
    append_metric,
    check_metric,
    read_assignment,
    read_metrics,
    write_assignment,
)
from tests.strategies import json_values

ASSIGNMENT = Assignment("exp", "trial-3", 3, {"conv": {"_value": "卷积", "_idx": 0}}, {"conv": {}})
RECORD = {"kind": "final", "sequence": 0, "value": 0.5, "time": 1.0}


def _append(folder: Path, content: bytes) -> None:
    with (folder / METRICS_FILE).open("ab") as file:
        file.write(content)


def _line(**changes: Any) -> bytes:
    return json.dumps(RECORD | changes).encode() + b"\n"


def read_all(folder: Path, offset: int = 0) -> tuple[list[Metric], list[str], int]:
    """What the file holds, however many calls that takes."""
    metrics, problems, more = [], [], True
    while more:
        read = read_metrics(folder, offset)
        metrics += read.metrics
        problems += read.problems
        offset, more = read.offset, read.more
    return metrics, problems, offset


# ---- parameters.json ----------------------------------------------------------------------------


def test_an_assignment_is_written_and_read(tmp_path: Path) -> None:
    write_assignment(tmp_path, ASSIGNMENT)
    assert read_assignment(tmp_path) == ASSIGNMENT
    assert [path.name for path in tmp_path.iterdir()] == [PARAMETERS_FILE]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("", "line 1, column 1: broken JSON"),
        ('{"trial_id": "x"', "broken JSON"),
        ("[]", "must be a mapping"),
        ("{}", "missing 4 required positional arguments: 'experiment_id', 'trial_id'"),
        ('{"trail_id": "x"}', "unexpected keyword argument 'trail_id'"),
        (
            '{"experiment_id": "e", "trial_id": "t", "number": 0, "parameters": [1]}',
            "parameters must be an object, got [1]",
        ),
    ],
)
def test_an_unusable_assignment_says_what_to_do(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / PARAMETERS_FILE).write_text(content)
    with pytest.raises(TrialError) as caught:
        read_assignment(tmp_path)
    text = str(caught.value)
    assert text.startswith(f"no usable parameters.json in {tmp_path}: ")
    assert message in text
    assert "unset it to run the script alone" in text


# ---- what may be reported -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "checked"),
    [
        (1, 1.0),
        (0.5, 0.5),
        (-(10**300), -1e300),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (np.array(0.25), 0.25),
        (np.array([0.25]), 0.25),
        ({"default": 1}, {"default": 1.0}),
        ({"default": np.float64(0.5), "loss": 2}, {"default": 0.5, "loss": 2}),
        (
            {"default": 1, "nan": math.nan, "deep": {"list": [math.inf, (1, "x"), None, True]}},
            {"default": 1.0, "nan": None, "deep": {"list": [None, [1, "x"], None, True]}},
        ),
        (
            {"default": 1, "array": np.array([[1, 2]]), "scalar": np.float32(0.5)},
            {"default": 1.0, "array": [[1, 2]], "scalar": 0.5},
        ),
        ({"default": 1, "array": np.array([math.nan, 1.0])}, {"default": 1.0, "array": [None, 1]}),
    ],
)
def test_numbers_of_every_kind_are_results(value: Any, checked: Any) -> None:
    result = check_metric(value)
    assert result == checked
    json.dumps(result, allow_nan=False)
    number = result["default"] if isinstance(result, dict) else result
    assert type(number) is float


def test_tensors_are_results() -> None:
    torch = pytest.importorskip("torch")
    assert check_metric(torch.tensor(0.5)) == 0.5
    assert check_metric(torch.tensor([[2]])) == 2.0
    assert check_metric(torch.tensor(0.5, requires_grad=True)) == 0.5
    extra = {"default": torch.tensor(1.0), "each": torch.tensor([1.0, math.nan])}
    assert check_metric(extra) == {"default": 1.0, "each": [1.0, None]}
    with pytest.raises(MetricError, match="the result must be one number, got tensor"):
        check_metric(torch.tensor([1.0, 2.0]))
    with pytest.raises(MetricError, match="the result is nan, not a finite number"):
        check_metric(torch.tensor(math.nan))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "the result is nan, not a finite number: training diverged"),
        (-math.inf, "the result is -inf, not a finite number"),
        (np.float32("nan"), "the result is nan, not a finite number"),
        ("0.5", "the result must be a number, got '0.5' (str)"),
        (b"0.5", "the result must be a number, got b'0.5' (bytes)"),
        (True, "the result must be a number, got True (bool)"),
        (np.bool_(True), "the result must be a number, got "),
        (None, "the result must be a number, got None (NoneType)"),
        ([0.5], "the result must be a number, got [0.5] (list)"),
        (1j, "the result must be a number, got 1j (complex)"),
        (Decimal("0.5"), "the result must be a number, got Decimal('0.5') (Decimal)"),
        (np.array([1.0, 2.0]), "the result must be one number, got array"),
        (np.array([]), "the result must be one number, got array"),
        (10**400, "the result is too large for a float"),
        ({}, "a result that is a dict needs the key 'default', got []"),
        ({"acc": 1, 2: 3}, "a result that is a dict needs the key 'default', got ['acc', 2]"),
        ({"default": math.nan}, "'default' is nan, not a finite number"),
        ({"default": "x"}, "'default' must be a number, got 'x' (str)"),
        ({"default": {"default": 1}}, "'default' must be a number, got {'default': 1} (dict)"),
        ({"default": 1, 2: 3}, "the keys of a result must be strings, got 2"),
        ({"default": 1, "x": {1, 2}}, "'x' of the result is not JSON: {1, 2} (set)"),
        ({"default": 1, "x": [object]}, "'x' of the result is not JSON: <class 'object'> (type)"),
    ],
)
def test_anything_else_is_refused_at_the_line_that_reports_it(value: Any, message: str) -> None:
    with pytest.raises(MetricError) as caught:
        check_metric(value)
    assert str(caught.value).startswith(message)


# ---- metrics.jsonl ------------------------------------------------------------------------------


def test_reports_are_appended_and_read(tmp_path: Path) -> None:
    reports = [
        Metric("intermediate", 0, 0.25, 1.0),
        Metric("intermediate", 1, {"default": 0.5, "loss": None}, 2.0),
        Metric("final", 0, -3.0, 3.0),
    ]
    for report in reports:
        append_metric(tmp_path, report)
    read = read_metrics(tmp_path)
    assert read.metrics == reports
    assert read.problems == []
    assert read.offset == (tmp_path / METRICS_FILE).stat().st_size
    assert [report.default for report in read.metrics] == [0.25, 0.5, -3.0]


def test_a_report_without_a_time_gets_one(tmp_path: Path) -> None:
    append_metric(tmp_path, Metric("final", 0, 1.0))
    assert read_metrics(tmp_path).metrics[0].time > 0


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    assert read_metrics(tmp_path).offset == 0
    _append(tmp_path, _line(sequence=0))
    first = read_metrics(tmp_path)
    assert read_metrics(tmp_path, first.offset).metrics == []
    _append(tmp_path, _line(sequence=1))
    second = read_metrics(tmp_path, first.offset)
    assert [metric.sequence for metric in second.metrics] == [1]


def test_a_torn_last_line_is_left_for_later(tmp_path: Path) -> None:
    line = _line(value=0.75)
    _append(tmp_path, _line() + line[:20])
    first = read_metrics(tmp_path)
    assert (len(first.metrics), first.problems, first.offset) == (1, [], len(_line()))
    _append(tmp_path, line[20:])
    assert [m.value for m in read_metrics(tmp_path, first.offset).metrics] == [0.75]


def test_a_report_after_a_torn_line_stands_on_its_own(tmp_path: Path) -> None:
    _append(tmp_path, _line()[:20])
    append_metric(tmp_path, Metric("final", 0, 0.5, 1.0))
    read = read_metrics(tmp_path)
    assert [metric.value for metric in read.metrics] == [0.5]
    assert read.problems == []


@pytest.mark.parametrize("garbage", [b"\n", b"\x00\xff\xfe\n", b"{]\n", b"[" * 100_000 + b"\n"])
def test_a_garbled_line_is_skipped(tmp_path: Path, garbage: bytes) -> None:
    _append(tmp_path, _line() + garbage + _line())
    assert len(read_metrics(tmp_path).metrics) == 2


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"42\n", "not subscriptable"),
        (b"{}\n", "'kind'"),
        (_line(kind="last"), "'kind' must be 'intermediate' or 'final', got 'last'"),
        (_line(kind=["final"]), "'kind' must be 'intermediate' or 'final', got ['final']"),
        (_line(value=math.nan), "the result is nan, not a finite number"),
        (_line(value="0.5"), "the result must be a number, got '0.5'"),
        (_line(value={"loss": 1}), "needs the key 'default', got ['loss']"),
        (_line(sequence="x"), "invalid literal for int()"),
        (_line(sequence=math.inf), "cannot convert float infinity to integer"),
        (_line(sequence=None), "int() argument must be"),
        (_line(sequence=-1), "'sequence' must be from 0 to 2147483647, got -1"),
        (_line(sequence=2**31), "'sequence' must be from 0 to 2147483647, got 2147483648"),
        (_line(time=10**400), "int too large to convert to float"),
    ],
)
def test_an_unusable_record_is_a_problem(tmp_path: Path, record: bytes, message: str) -> None:
    _append(tmp_path, _line() + record + _line())
    read = read_metrics(tmp_path)
    assert len(read.metrics) == 2
    (problem,) = read.problems
    assert problem.startswith("unusable record ")
    assert message in problem


@pytest.mark.parametrize("depth", range(100, 1000, 100))
def test_a_result_nested_deeply_does_not_stop_the_reader(tmp_path: Path, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    record = _line(value={"default": 0.5, "x": []}).replace(b"[]", nested)
    _append(tmp_path, record + _line(value=0.125))
    assert read_metrics(tmp_path).metrics[-1].value == 0.125


@given(
    records=st.lists(
        st.binary(max_size=20)
        | json_values.map(json.dumps).map(str.encode)
        | st.dictionaries(st.sampled_from(list(RECORD)), json_values).map(
            lambda changes: _line(**changes)[:-1]
        ),
        max_size=4,
    )
)
@settings(max_examples=50)  # each example writes a file
def test_no_content_of_the_file_stops_the_reader(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("trial")
    _append(folder, b"\n".join([*records, b""]) + _line(value=0.125))
    assert read_metrics(folder).metrics[-1].value == 0.125


def test_a_report_that_is_too_large_is_refused_where_it_is_reported(tmp_path: Path) -> None:
    large = {"default": 1.0, "text": "x" * MAX_RECORD}
    message = (
        r"the result is 1000\d\d\d bytes of JSON, but at most 1000000 .* in the output folder"
    )
    with pytest.raises(MetricError, match=message):
        append_metric(tmp_path, Metric("final", 0, large))
    assert not (tmp_path / METRICS_FILE).exists()
    append_metric(tmp_path, Metric("final", 0, large | {"text": "x" * (MAX_RECORD - 200)}))
    assert len(read_metrics(tmp_path).metrics) == 1


@pytest.mark.parametrize("size", [MAX_RECORD + 1, 3 * MAX_RECORD, 10 * MAX_RECORD])
def test_a_record_that_is_too_large_is_skipped(tmp_path: Path, size: int) -> None:
    _append(tmp_path, _line(value=0.25) + b"x" * size + b"\n" + _line(value=0.75))
    metrics, problems, _ = read_all(tmp_path)
    assert [metric.value for metric in metrics] == [0.25, 0.75]
    shown = f"unusable record '{'x' * 200}'...: it has more than 1000000 bytes"
    assert problems == [shown]


def test_a_record_that_is_too_large_and_has_no_end_yet(tmp_path: Path) -> None:
    _append(tmp_path, b"x" * (MAX_RECORD + 1))
    first = read_metrics(tmp_path)
    assert (len(first.problems), first.offset) == (1, MAX_RECORD + 1)
    _append(tmp_path, b"x" * 100)
    second = read_metrics(tmp_path, first.offset)
    assert (second.metrics, second.problems, second.more) == ([], [], False)
    _append(tmp_path, b"\n" + _line(value=0.75))
    metrics, problems, offset = read_all(tmp_path, second.offset)
    assert ([metric.value for metric in metrics], problems) == ([0.75], [])
    assert offset == (tmp_path / METRICS_FILE).stat().st_size


def test_one_call_reads_some_megabytes_only(tmp_path: Path) -> None:
    line = _line(value={"default": 1, "text": "x" * 100_000})
    _append(tmp_path, line * 60)
    first = read_metrics(tmp_path)
    assert first.more
    assert 30 <= len(first.metrics) < 60
    metrics, problems, offset = read_all(tmp_path)
    assert (len(metrics), problems, offset) == (60, [], 60 * len(line))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(_line())
    (tmp_path / METRICS_FILE).symlink_to("elsewhere")
    with pytest.raises(TrialError, match="cannot be read: it is a symbolic link, which is not"):
        read_metrics(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / METRICS_FILE)
    with pytest.raises(TrialError, match="cannot be read: it is not a regular file"):
        read_metrics(tmp_path)


def test_the_assignment_takes_the_place_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / PARAMETERS_FILE).symlink_to("elsewhere")
    write_assignment(tmp_path, ASSIGNMENT)
    assert read_assignment(tmp_path) == ASSIGNMENT
    assert not (tmp_path / PARAMETERS_FILE).is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "untouched"


# ---- the number that the search is about --------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0.5, 0.5),
        ({"default": 1.0, "accuracy": 0.75}, 0.75),
        ({"default": 1.0}, 1.0),
        ({"accuracy": 0.75}, 0.75),
    ],
)
def test_the_number_under_a_name(value: Any, number: float) -> None:
    checked = check_metric(value, "accuracy")
    assert Metric("final", 0, checked).number("accuracy") == number


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"loss": 1},
            "a result that is a dict needs the key 'accuracy' or 'default', got ['loss']",
        ),
        ({"accuracy": math.nan, "default": 1}, "'accuracy' is nan, not a finite number"),
        ({"accuracy": 1, "default": None}, "'default' must be a number, got None (NoneType)"),
        (math.nan, "the result is nan, not a finite number"),
    ],
)
def test_a_result_without_that_number(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(MetricError) as caught:
        check_metric(value, "accuracy")
    assert str(caught.value).startswith(message)
    _append(tmp_path, _line(value=value))
    (problem,) = read_metrics(tmp_path, metric="accuracy").problems
    assert message in problem


def test_a_full_disk_is_a_trial_error(tmp_path: Path) -> None:
    (tmp_path / METRICS_FILE).symlink_to("/dev/full")
    with pytest.raises(TrialError, match=r"the result 0\.5 cannot be written to .*No space left"):
        append_metric(tmp_path, Metric("final", 0, 0.5))


def test_a_missing_folder_is_a_trial_error(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match=r"cannot be written to .*No such file"):
        append_metric(tmp_path / "gone", Metric("final", 0, 0.5))


def test_an_unreadable_file_is_a_trial_error(tmp_path: Path) -> None:
    os.mkdir(tmp_path / METRICS_FILE)
    with pytest.raises(TrialError, match="cannot be read: it is not a regular file"):
        read_metrics(tmp_path)


def test_a_flood_of_records_is_read_in_portions(tmp_path: Path) -> None:
    record = '{"kind": "intermediate", "sequence": %d, "value": 0.5}\n'
    (tmp_path / "metrics.jsonl").write_text("".join(record % n for n in range(1200)))
    seen, offset, more, portions = [], 0, True, 0
    while more:
        read = read_metrics(tmp_path, offset)
        assert len(read.metrics) <= 500
        seen += [metric.sequence for metric in read.metrics]
        offset, more, portions = read.offset, read.more, portions + 1
    assert seen == list(range(1200))
    assert portions == 3
