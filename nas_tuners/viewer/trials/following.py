"""Reading a study over and over while it may be running."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar, final

from nas_tuners.contract.errors import ExperimentError, NasTunersError
from nas_tuners.experiment.folder import ExperimentFolder

from .known import KnownTrials, StudyView
from .opening import unreadable
from .reader import Reader, Replaced
from .rows import objective_names, row_of
from .space import decoder_of

_AGAIN = 5.0  # seconds until a storage that could not be read is asked again
_SLOW = 0.05  # seconds
_FIRST = 1.0  # seconds that the first answer waits for all trials
_LAST = 1.0  # seconds that the end waits for a reading that goes on

Clock = Callable[[], float]
_T = TypeVar("_T")


@final
class Follower:
    """Reads all trials in the background, then what has changed whenever it is asked to.

    Args:
        open_study: Opens the study; called again while it fails.
        url: Of the storage, for messages.
        folder: The experiment's folder, if there is one.
        clock: Seconds that only grow.

    Attributes:
        known: What has been read.
    """

    def __init__(
        self,
        open_study: Callable[[], Reader],
        *,
        url: str,
        folder: ExperimentFolder | None,
        clock: Clock,
    ) -> None:
        self._open, self._url, self._folder, self._clock = open_study, url, folder, clock
        self.known = KnownTrials()
        self._unbegun = threading.Lock()  # whoever gets it begins, and keeps it
        self._waited = self._closed = False
        self._some = threading.Event()
        self._reading = threading.Lock()  # of what follows, and of what reads with it
        self._reader: Reader | None = None
        self._study: StudyView | None = None
        self._ask_after = 0.0

    def begin(self) -> None:
        """Read what is there in the background."""
        if self._unbegun.acquire(blocking=False):
            threading.Thread(target=self._read_all, name="trials", daemon=True).start()

    def refresh(self) -> None:
        """Read what has changed, unless somebody is at it.

        The first call waits a moment for the first trials: of small studies they are all.
        """
        self.begin()
        if not self._waited:
            self._waited = True
            self._some.wait(_FIRST)
        if self._some.is_set() and not self._closed and self._reading.acquire(blocking=False):
            began = self._clock()
            try:
                while self._read_some():
                    pass
            finally:
                took = self._clock() - began
                if took > _SLOW:  # as through a proxy: leave others some of its time
                    pause = min(4 * took, _AGAIN)
                    self._ask_after = max(self._ask_after, began + took + pause)
                self._done_reading()

    def ready(self) -> tuple[Reader, StudyView]:
        """The reader, once the first trials have been read. To read with it takes a :meth:`turn`.

        Raises:
            ExperimentError: if the storage cannot be read.
        """
        self.refresh()
        reader, study = self._reader, self._study
        if reader is None or study is None:
            raise ExperimentError(self.known.problem or "the study is being opened; ask again")
        return reader, study

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While nobody else reads."""
        self._reading.acquire()
        try:
            yield
        finally:
            self._done_reading()

    def guarded(self, read: Callable[[], _T]) -> _T:
        """What a function reads from the storage.

        Raises:
            ExperimentError: if the storage cannot be read now.
        """
        try:
            return read()
        except Exception as error:
            raise ExperimentError(_words(self._url, error)) from error

    def close(self) -> None:
        """Let go of the storage; whoever is reading it does so when that has ended."""
        if not self._closed:
            self._closed = True
            if self._reading.acquire(timeout=_LAST):
                self._done_reading()

    def _done_reading(self) -> None:
        if self._closed and self._reader is not None:
            reader, self._reader = self._reader, None
            with suppress(Exception):  # each database driver has errors of its own
                reader.close()
        self._reading.release()

    def _read_all(self) -> None:
        more = True
        while more:  # others have a turn between two batches
            with self.turn():
                more = self._read_some()
        self._some.set()

    def _read_some(self) -> bool:
        """Read a batch; whether there is another. Needs :attr:`_reading`."""
        if self._closed or self._clock() < self._ask_after:
            return False
        try:
            reader, study = self._opened()
            batch = reader.read()
            rows = [
                row_of(trial, study.objectives, study.decoder.entries(trial))
                for trial in batch.trials
            ]
        except Replaced:
            self._forget()
            return True
        except Exception as error:  # each database driver has errors of its own
            self._ask_after = self._clock() + _AGAIN
            self.known.fail(_words(self._url, error))
            return False
        self.known.take(rows, (batch.done, batch.of) if batch.more else None)
        return batch.more

    def _opened(self) -> tuple[Reader, StudyView]:
        if self._reader is None or self._study is None:
            reader = self._open()
            try:
                self._study = _view(reader, self._folder)
            except BaseException:
                reader.close()
                raise
            self.known.begin(self._study)
            self._reader = reader
        return self._reader, self._study

    def _forget(self) -> None:
        """All that was read, and what read it."""
        assert self._reader is not None
        reader, self._reader = self._reader, None
        reader.close()
        self.known.forget()


def _view(reader: Reader, folder: ExperimentFolder | None) -> StudyView:
    facts = reader.facts()
    objectives = objective_names(facts)
    space = None
    if folder is not None:
        from nas_tuners.experiment.study_setup import goals_of

        # The experiment knows their names, where the study may have none.
        ours = [metric for metric, _ in goals_of(folder.config()).objectives]
        objectives = ours if len(ours) == len(objectives) else objectives
        space = folder.space()
    decoder = decoder_of(facts.attributes, reader.distributions, space)
    return StudyView(facts.name, objectives, list(map(str, facts.directions)), decoder)


def _words(url: str, error: Exception) -> str:
    """What is wrong, without passwords."""
    return str(error) if isinstance(error, NasTunersError) else unreadable(url, error)
