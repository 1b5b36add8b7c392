"""The arguments of ``launcher: ray``."""

from __future__ import annotations

from typing import Any

import pytest

from nas_tuners.experiment.ray_cluster.args import RayArgs, check_ray_args


def _problems(args: dict[str, Any], **options: Any) -> list[str]:
    return [str(problem) for problem in check_ray_args(args, **options)]


def test_good_arguments() -> None:
    args = {
        "address": "ray://head.example:10001",
        "cpus": 0.5,
        "memory": "2GB",
        "resources": {"big": 1},
        "runtime_env": {"pip": ["scikit-learn"], "excludes": ["data"]},
        "namespace": "mine",
        "trials_directory": "/shared/trials",
        "patience": "5m",
    }
    assert _problems(args, gpus=0.25) == []
    parsed = RayArgs.parse(args)
    assert (parsed.memory, parsed.patience) == (2_000_000_000, 300.0)
    assert parsed.resources == {"big": 1.0}


def test_all_mistakes_at_once() -> None:
    problems = _problems({"adress": "auto", "cpus": -1, "runtime_env": {"pips": []}}, gpus=1.5)
    assert problems[0] == "launcher.args.adress: unknown key; did you mean 'address'?"
    assert problems[1] == "launcher.args.cpus: must be a number of at least 0, got -1"
    assert problems[2].startswith("launcher.args.runtime_env: unknown key 'pips'; did you mean ")
    assert problems[3].startswith("gpus.per_trial: must be a whole number, or a fraction below 1")
    assert len(problems) == 4


@pytest.mark.parametrize("address", ["auto", "10.0.0.7:6379", "ray://head:10001", "[::1]:6379"])
def test_addresses(address: str) -> None:
    assert _problems({"address": address}) == []


@pytest.mark.parametrize("address", ["", "head", "http://head:8265", "head:", 6379])
def test_what_is_no_address(address: object) -> None:
    [problem] = _problems({"address": address})
    assert problem.startswith("launcher.args.address: must be ")


@pytest.mark.parametrize(
    ("memory", "size"), [(1000, 1000), ("1.5KB", 1500), ("2GiB", 2 * 1024**3), ("3 mb", 3_000_000)]
)
def test_amounts_of_memory(memory: object, size: int) -> None:
    assert RayArgs.parse({"memory": memory}).memory == size


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("memory", "lots", "must be a number of bytes, or like '500MB' or '8GiB', got 'lots'"),
        ("memory", 0, "must be a number of bytes"),
        ("resources", {"GPU": 1}, "GPU has a key of its own: gpus (outside launcher)"),
        ("resources", {"big": "x"}, "amounts: must be a number of at least 0, got 'x'"),
        ("resources", ["big"], "must be names with amounts"),
        ("runtime_env", {"working_dir": "."}, "working_dir must be a URI such as s3://..."),
        ("trials_directory", "trials", "must be an absolute path, the same on every node"),
        ("cpus", True, "must be a number of at least 0, got True"),
        ("patience", "long", "must be a positive number of seconds"),
    ],
)
def test_mistakes(name: str, value: object, message: str) -> None:
    [problem] = _problems({name: value})
    assert problem.startswith(f"launcher.args.{name}: {message}")
