"""Signs of life between the runners that share a study.

Each runner counts up a number in the study; one whose number no longer changes is taken for dead,
and its trials are run by the others. No clocks are compared, only looks counted: a machine whose
clock is wrong, or that slept, declares nobody dead.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

_logger = logging.getLogger(__name__)

_PREFIX = "nas_tuners:alive:"  # of a study's system attributes; the runner's id follows
_MISSED = 4  # signs of life in a row that a living runner does not miss


@dataclass
class _Peer:
    count: int
    looks: int = 0  # since the count last changed
    left: bool = False


@final
class Watch:
    """Tells from what the runners write who is silent.

    Args:
        me: The runner that watches.
        every: Seconds between two looks.
    """

    def __init__(self, me: str, every: float) -> None:
        self._me, self._every = me, every
        self._peers: dict[str, _Peer] = {}
        self._patience: dict[str, int] = {}

    def look(self, attributes: Mapping[str, Any]) -> list[str]:
        """Take in a study's system attributes; the runners that have just fallen silent."""
        before = self.silent()
        for key, sign in attributes.items():
            if key.startswith(_PREFIX) and key != _PREFIX + self._me:
                self._note(key[len(_PREFIX) :], sign)
        return sorted(self.silent() - before)

    def silent(self) -> frozenset[str]:
        """The runners that have left, or of which nothing was heard for too long."""
        return frozenset(
            name
            for name, peer in self._peers.items()
            if peer.left or peer.looks >= self._patience[name]
        )

    def has_left(self, name: str) -> bool:
        """Whether one of those has ended in order."""
        return self._peers[name].left

    def has_spoken(self, name: str, attributes: Mapping[str, Any]) -> bool:
        """Whether a runner has given a sign since the last look."""
        sign = attributes.get(_PREFIX + name)
        return sign is not None and sign["count"] != self._peers[name].count

    def _note(self, name: str, sign: Mapping[str, Any]) -> None:
        peer = self._peers.get(name)
        if peer is None or peer.count != sign["count"]:
            self._peers[name] = _Peer(sign["count"], left=bool(sign.get("left")))
        else:
            peer.looks += 1
        self._patience[name] = max(_MISSED, math.ceil(_MISSED * sign["every"] / self._every))


@final
class Company:
    """Gives signs of life and heeds those of others, in a thread, while the context lasts.

    Args:
        storage: Of the study.
        study_id: Its id there.
        me: The runner.
        every: Seconds between two signs.
        trials: Where its trials have their folders; None if nobody need know.
    """

    def __init__(
        self,
        storage: BaseStorage,
        study_id: int,
        me: str,
        *,
        every: float,
        trials: Path | None = None,
    ) -> None:
        self._storage, self._study_id = storage, study_id
        self._me, self.every, self._trials = me, every, trials
        self._watch = Watch(me, every)
        self._count = 0
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="signs of life", daemon=True)

    def __enter__(self) -> Company:
        signs = self._storage.get_study_system_attrs(self._study_id)
        self._count = signs.get(_PREFIX + self._me, {}).get("count", 0)
        self._give_sign()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=5.0)  # it may hang in a storage that does not answer
        if not self._thread.is_alive():
            self._try(lambda: self._give_sign(left=True))

    def silent(self) -> frozenset[str]:
        """The runners whose trials may be taken over."""
        with self._lock:
            return self._watch.silent()

    def has_left(self, name: str) -> bool:
        """Whether one of those has ended in order, as when it was preempted."""
        with self._lock:
            return self._watch.has_left(name)

    def is_still_silent(self, name: str) -> bool:
        """Whether one of those is silent at this moment: it may have come back since the look."""
        signs = self._storage.get_study_system_attrs(self._study_id)
        with self._lock:
            return not self._watch.has_spoken(name, signs)

    def trials_of(self, name: str) -> Path | None:
        """Where a runner has the folders of its trials, as its machine sees it."""
        signs = self._storage.get_study_system_attrs(self._study_id)
        trials = signs.get(_PREFIX + name, {}).get("trials")
        return Path(trials) if trials is not None else None

    def members(self) -> frozenset[str]:
        """All runners that have ever given a sign, this one and the dead included."""
        signs = self._storage.get_study_system_attrs(self._study_id)
        return frozenset(key[len(_PREFIX) :] for key in signs if key.startswith(_PREFIX))

    def _go_on(self) -> None:
        while not self._end.wait(self.every):
            self._try(self._exchange)

    def _exchange(self) -> None:
        self._give_sign()
        signs = self._storage.get_study_system_attrs(self._study_id)
        with self._lock:
            fallen = self._watch.look(signs)
        for name in fallen:
            sign = signs[_PREFIX + name]
            what = "has left" if sign.get("left") else "gives no sign of life any more"
            where = f"process {sign.get('pid')} on {sign.get('host')}"
            _logger.warning("The worker %s (%s) %s.", name, where, what)

    def _give_sign(self, *, left: bool = False) -> None:
        self._count += 1
        sign: dict[str, Any] = {
            "count": self._count,
            "every": self.every,
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }
        if self._trials is not None:
            sign["trials"] = str(self._trials)
        if left:
            sign["left"] = True
        self._storage.set_study_system_attr(self._study_id, _PREFIX + self._me, sign)

    def _try(self, step: Any) -> None:
        """A storage that fails now may answer at the next sign; the loop tells if it does not."""
        try:
            step()
        except Exception as error:  # each storage has errors of its own
            _logger.warning("No sign of life could be given: %s", type(error).__name__)
