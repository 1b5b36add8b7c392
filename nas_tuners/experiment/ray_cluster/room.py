"""What a Ray cluster has, and whether a trial finds its place in it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas_tuners.contract.errors import ExperimentError

from ..durations import format_duration
from .args import RayArgs

_logger = logging.getLogger(__name__)

_EVERY = 1.0  # seconds between two looks at the cluster
_SILENCE = 20.0  # seconds without an answer after which it counts as lost; Ray itself aborts at 60
_BUSY_AFTER = 30.0  # seconds in Ray's queue that are worth a warning

Amounts = Mapping[str, float]


@dataclass(frozen=True)
class Snapshot:
    """A cluster at one moment.

    Attributes:
        nodes: What each node that is alive has, used or not.
        free: What is not used, of all nodes together.
        has_us: Whether the node that this process is connected to is among them.
    """

    nodes: Sequence[Amounts]
    free: Amounts
    has_us: bool = True


class ClusterWatch:
    """Looks at the cluster from a thread of its own, as a dead head never answers.

    Args:
        ray: The package, connected.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._stopped = threading.Event()
        self._latest = _snapshot(ray)
        self._seen_at = time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ClusterWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(timeout=_EVERY)

    def latest(self) -> Snapshot:
        """The last look.

        Raises:
            ExperimentError: if the cluster is gone.
        """
        if not self._latest.has_us:
            raise _lost("the node that this run is connected to is gone")
        if time.monotonic() - self._seen_at > _SILENCE:
            raise _lost(f"it has not answered for {format_duration(_SILENCE)}")
        return self._latest

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY):
            try:
                self._latest = _snapshot(self._ray)
                self._seen_at = time.monotonic()
            except Exception as error:  # whatever a broken connection makes Ray raise
                _logger.debug("The Ray cluster does not answer: %s", error)


class Room:
    """Whether another trial should be given to Ray, and whether it is in vain to wait.

    Args:
        watch: Sees the cluster.
        demand: What one trial asks for.
        patience: Seconds after which the run ends if no trial runs and none can be placed.
    """

    def __init__(self, watch: ClusterWatch, demand: Amounts, *, patience: float) -> None:
        self._watch, self._demand, self._patience = watch, demand, patience
        self._has_warned = False

    def is_there(self, waiting: int) -> bool:
        """Whether so many waiting trials leave room for another; one may always wait."""
        return waiting == 0 or waiting < places(self._demand, self._watch.latest().free)

    def check(self, waiting_since: Sequence[float], *, running: int) -> None:
        """Say what trials wait for.

        Raises:
            ExperimentError: if they have waited for too long, or the cluster is gone.
        """
        cluster = self._watch.latest()
        if not waiting_since:
            self._has_warned = False
            return
        waited = time.monotonic() - min(waiting_since)
        why = shortage(self._demand, cluster.nodes)
        if (why or waited > _BUSY_AFTER) and not self._has_warned:
            self._has_warned = True
            message = why or delay(self._demand, cluster.free)
            _logger.warning("A trial waits for its place on the Ray cluster: %s", message)
        if not running and waited > self._patience:
            raise ExperimentError(
                f"no trial found its place on the Ray cluster for "
                f"{format_duration(self._patience)}: {why or delay(self._demand, cluster.free)}"
            )


def demand_of(args: RayArgs, gpus: float) -> dict[str, float]:
    """What one trial asks for, by Ray's names."""
    demand = {"CPU": args.cpus, "GPU": gpus, "memory": args.memory or 0, **args.resources}
    return {name: float(amount) for name, amount in demand.items() if amount}


def places(demand: Amounts, free: Amounts) -> int:
    """How many trials the free amounts suffice for, at most: they may lie on several nodes."""
    counts = [int(free.get(name, 0) / amount) for name, amount in demand.items()]
    return min(counts, default=1000)


def shortage(demand: Amounts, nodes: Sequence[Amounts]) -> str:
    """Why no node could take a trial even if it were idle; empty if one could."""
    if any(all(node.get(name, 0) >= demand[name] for name in demand) for node in nodes):
        return ""
    most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in demand}
    lacks = [
        f"no node has {amount:g} {name} (the most is {most[name]:g})"
        for name, amount in demand.items()
        if most[name] < amount
    ]
    return ", ".join(lacks) or f"no node has {_listed(demand)} at once"


def delay(demand: Amounts, free: Amounts) -> str:
    """Why a trial does not begin that some node is large enough for."""
    left = _listed({name: free.get(name, 0) for name in demand})
    if places(demand, free):
        return (
            f"Ray does not start it, though the cluster has {left} free: it may still prepare "
            "the runtime_env, or fail to; its logs on the nodes say more"
        )
    return f"it needs {_listed(demand)}, and the cluster has {left} free"


def _listed(amounts: Amounts) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in amounts.items()) or "nothing"


def _snapshot(ray: Any) -> Snapshot:
    alive = [node for node in ray.nodes() if node["Alive"]]
    ours = ray.get_runtime_context().get_node_id()
    return Snapshot(
        nodes=[node["Resources"] for node in alive],
        free=ray.available_resources(),
        has_us=any(node["NodeID"] == ours for node in alive),
    )


def _lost(why: str) -> ExperimentError:
    return ExperimentError(
        f"the connection to the Ray cluster is lost: {why}\n"
        "Nothing that was recorded is lost; when the cluster is there again, go on with "
        "`nas-tuners resume`"
    )
