"""What has changed in a run since somebody looked at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nas_tuners.contract.errors import NasTunersError

from .._run import Run, log_tag

_MOST = 200  # records in one event

Event = tuple[str, dict[str, Any]]
"""Its name, and its data."""


@dataclass(frozen=True)
class Place:
    """How far somebody has followed a run.

    Attributes:
        server: Which server that was: another one counts revisions of its own.
        graph: Which graph there was.
        log: How many records.
        written: Which records those are: see :func:`log_tag`.
        trials: The revision of the trials.
    """

    server: str
    graph: str = ""
    log: int = 0
    written: str = ""
    trials: int = 0

    def __str__(self) -> str:
        parts = (self.server, self.graph, str(self.log), self.written, str(self.trials))
        return "_".join(parts)

    @classmethod
    def parse(cls, text: str | None) -> Place | None:
        """A place as :meth:`__str__` writes it; None if it is not like that."""
        parts = (text or "").split("_")
        if len(parts) != 5 or not all(map(_is_count, (parts[2], parts[4]))):
            return None
        server, graph, log, written, trials = parts
        return cls(server, graph, int(log), written, int(trials))


class Follower:
    """Follows one run. It reads files: one thread at a time.

    Args:
        run: What to follow.
        server: Which server this is.

    Attributes:
        place: How far it has come.
    """

    def __init__(self, run: Run, server: str) -> None:
        self._run = run
        self._told: set[str] = set()
        self.place = Place(server)

    def look(self, *, trials: bool = True) -> list[Event]:
        """What has changed since the last look, without the trials if these cost too much."""
        now, events = self._since(self.place, trials=trials)
        self.place = now
        return events

    def catch_up(self, place: Place) -> list[Event]:
        """What has changed since a place, up to where this one has come."""
        if place.server != self.place.server:
            return self._all_anew()
        _, events = self._since(place, trials=True, till=self.place)
        return events

    def _all_anew(self) -> list[Event]:
        """Everything has to be read again."""
        events: list[Event] = [("graph", {}), ("log", {"reset": True, "count": self.place.log})]
        if self._run.has_trials:
            events.append(("trials", {"revision": self.place.trials}))
        return events

    def _since(
        self, place: Place, *, trials: bool, till: Place | None = None
    ) -> tuple[Place, list[Event]]:
        now, events = place, list[Event]()
        parts = [self._graph_since, self._log_since, *([self._trials_since] if trials else [])]
        for part in parts:
            try:
                now, more = part(now, till)
                events += more
            except NasTunersError as error:
                events += self._tell(str(error))
            except Exception as error:  # each database driver has errors of its own
                events += self._tell(f"{type(error).__name__}: {error}")
        return now, events

    def _tell(self, problem: str) -> list[Event]:
        """Once each: what is wrong is wrong at every look."""
        if problem in self._told or len(self._told) > 100:
            return []
        self._told.add(problem)
        return [("problem", {"problem": problem})]

    def _graph_since(self, place: Place, till: Place | None) -> tuple[Place, list[Event]]:
        tag = till.graph if till else self._run.graph_tag()
        changed = tag != place.graph
        return replace(place, graph=tag), [("graph", {})] if changed else []

    def _log_since(self, place: Place, till: Place | None) -> tuple[Place, list[Event]]:
        log = self._run.log(refresh=till is None)
        if log is None:
            gone = [("log", {"reset": True, "count": 0})] if place.log else []
            return replace(place, log=0, written=""), gone
        if till is None and not self._run.is_log_whole:
            return place, []  # told at once when all of it is read
        count = min(log.count, till.log) if till else log.count
        now = replace(place, log=count, written=log_tag(log))
        if place.log > count or (place.log and place.written != now.written):
            return now, [("log", {"reset": True, "count": count})]
        new = count - place.log
        if new == 0:
            return now, []
        if new > max(_MOST, place.log // 10):  # some of them would stand out among the others
            return now, [("log", {"reset": True, "count": count})]
        return now, [("log", log.overview(_MOST, start=place.log))]

    def _trials_since(self, place: Place, _till: Place | None) -> tuple[Place, list[Event]]:
        if not self._run.has_trials:
            return place, []
        changes = self._run.trials().changes(place.trials)
        if changes is None:
            return place, []
        return replace(place, trials=changes["revision"]), [("trials", changes)]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18
