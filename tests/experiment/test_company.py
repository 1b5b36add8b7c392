"""Who is alive among the runners on one study."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import optuna
import pytest

from nas_tuners.experiment.company import Company, Watch

KEY = "nas_tuners:alive:"


def signs(**counts: int) -> dict[str, Any]:
    return {f"{KEY}{name}": {"count": n, "every": 1.0} for name, n in counts.items()}


def test_a_runner_that_no_longer_counts_is_silent() -> None:
    watch = Watch("me", 1.0)
    for count in range(5):
        assert watch.look(signs(other=count)) == []
    for _ in range(3):
        assert watch.look(signs(other=4)) == []
    assert watch.silent() == frozenset()
    assert watch.look(signs(other=4)) == ["other"]
    assert watch.silent() == {"other"}
    assert watch.look(signs(other=4)) == [], "it is told once"


def test_it_may_come_back() -> None:
    watch = Watch("me", 1.0)
    for _ in range(9):
        watch.look(signs(other=4))
    assert watch.silent() == {"other"}
    watch.look(signs(other=5))
    assert watch.silent() == frozenset()


def test_one_that_has_come_back_since_the_last_look() -> None:
    watch = Watch("me", 1.0)
    for _ in range(9):
        watch.look(signs(other=4))
    assert not watch.has_spoken("other", signs(other=4))
    assert watch.has_spoken("other", signs(other=5))
    assert watch.silent() == {"other"}, "asking is not looking"


def test_one_that_speaks_seldom_is_given_more_looks() -> None:
    watch = Watch("me", 1.0)
    slow = {f"{KEY}slow": {"count": 1, "every": 10.0}}
    for _ in range(40):
        watch.look(slow)
    assert watch.silent() == frozenset()
    watch.look(slow)
    assert watch.silent() == {"slow"}


def test_one_that_has_left_is_silent_at_once_and_oneself_never() -> None:
    watch = Watch("me", 1.0)
    left = {f"{KEY}other": {"count": 3, "every": 1.0, "left": True}}
    assert watch.look(left | signs(me=1)) == ["other"]
    for _ in range(9):
        watch.look(left | signs(me=1))
    assert watch.silent() == {"other"}


def test_other_attributes_are_none_of_its_business() -> None:
    watch = Watch("me", 1.0)
    for _ in range(9):
        watch.look({"constraint": [1], "nas_tuners:config": "{}"})
    assert watch.silent() == frozenset()


def test_two_companies_hear_each_other_until_one_goes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    study = optuna.create_study()
    storage, study_id = study._storage, study._study_id
    with Company(storage, study_id, "one", every=0.02) as one:
        with Company(storage, study_id, "two", every=0.02) as two:
            time.sleep(0.5)
            assert one.silent() == two.silent() == frozenset()
        deadline = time.monotonic() + 30
        while one.silent() != {"two"} and time.monotonic() < deadline:
            time.sleep(0.02)
        assert one.silent() == {"two"}
    assert "The worker two (process " in caplog.text
    assert ") has left." in caplog.text


def test_a_runner_that_is_started_again_goes_on_counting() -> None:
    study = optuna.create_study()
    storage, study_id = study._storage, study._study_id
    for _ in range(2):
        with Company(storage, study_id, "one", every=60):
            pass
    assert storage.get_study_system_attrs(study_id)[f"{KEY}one"]["count"] == 4


def test_where_a_runner_has_its_trials() -> None:
    study = optuna.create_study()
    storage, study_id = study._storage, study._study_id
    with (
        Company(storage, study_id, "one", every=60, trials=Path("/one/trials")) as one,
        Company(storage, study_id, "two", every=60) as two,
    ):
        assert two.trials_of("one") == Path("/one/trials")
        assert one.trials_of("two") is one.trials_of("three") is None


def test_a_storage_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study()
    storage, study_id = study._storage, study._study_id
    with Company(storage, study_id, "one", every=0.02):
        storage.delete_study(study_id)
        deadline = time.monotonic() + 30
        while "No sign of life" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.02)
    assert "No sign of life could be given: KeyError" in caplog.text
