"""Whether a trial finds its place in a cluster."""

from __future__ import annotations

from nas_tuners.experiment.ray_cluster.args import RayArgs
from nas_tuners.experiment.ray_cluster.room import delay, demand_of, places, shortage

SMALL, LARGE = {"CPU": 4, "memory": 8e9}, {"CPU": 2, "GPU": 4, "memory": 64e9}


def test_what_is_not_wanted_is_not_asked_for() -> None:
    args = RayArgs(cpus=0, memory=10, resources={"big": 0.5})
    assert demand_of(args, 0.25) == {"GPU": 0.25, "memory": 10, "big": 0.5}


def test_a_node_is_large_enough() -> None:
    assert shortage({"CPU": 2, "GPU": 4}, [SMALL, LARGE]) == ""


def test_each_resource_that_no_node_has_is_named() -> None:
    assert shortage({"CPU": 5, "GPU": 1, "tpu": 1}, [SMALL, LARGE]) == (
        "no node has 5 CPU (the most is 4), no node has 1 tpu (the most is 0)"
    )


def test_no_node_has_everything() -> None:
    assert shortage({"CPU": 3, "GPU": 1}, [SMALL, LARGE]) == "no node has 3 CPU, 1 GPU at once"


def test_a_cluster_without_nodes() -> None:
    assert shortage({"CPU": 1}, []) == "no node has 1 CPU (the most is 0)"


def test_how_many_trials_fit() -> None:
    assert places({"CPU": 0.5, "GPU": 0.25}, {"CPU": 4, "GPU": 1}) == 4
    assert places({"CPU": 1, "GPU": 1}, {"CPU": 4}) == 0
    assert places({}, {}) > 100


def test_others_use_what_a_trial_needs() -> None:
    assert delay({"CPU": 2, "GPU": 1}, {"CPU": 1.5}) == (
        "it needs 2 CPU, 1 GPU, and the cluster has 1.5 CPU, 0 GPU free"
    )


def test_a_node_that_is_free_is_not_ready() -> None:
    assert delay({"CPU": 2}, {"CPU": 3}).startswith(
        "Ray does not start it, though the cluster has 3 CPU free: it may still prepare"
    )
