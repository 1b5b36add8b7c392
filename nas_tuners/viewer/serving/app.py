"""The server of the page: its files, and what it asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from nas_tuners import __version__
from nas_tuners.contract.errors import NasTunersError

from .._page import INDEX
from .._run import Run, json_bytes
from .._runs import Runs
from .changes import Place
from .events import Hub, TooManyStreams
from .page import served
from .security import Access, Guard
from .threads import in_thread

_FRESH = {"cache-control": "no-cache"}
_NEVER_KEPT = {"cache-control": "no-store", "x-accel-buffering": "no"}


def make_app(runs: Runs, hub: Hub, access: Access) -> ASGIApp:
    """The application.

    Args:
        runs: What it shows.
        hub: What watches the files for it.
        access: What it asks of requests.
    """
    served()  # puts the page together before anyone waits for it
    answers = _Answers(runs, hub)
    of_run = "/api/runs/{run}"
    routes = [
        Route("/api/runs", answers.runs),
        Route(f"{of_run}/graph", answers.graph),
        Route(f"{of_run}/log", answers.log),
        Route(f"{of_run}/log/{{index}}", answers.record),
        Route(f"{of_run}/trials", answers.trials),
        Route(f"{of_run}/trials/{{number}}", answers.trial),
        Route(f"{of_run}/trials/{{number}}/log/{{name}}", answers.trial_log),
        Route(f"{of_run}/intermediate", answers.intermediate),
        Route(f"{of_run}/importance", answers.importance),
        Route(f"{of_run}/events", answers.events),
        Route("/{name:path}", answers.page),
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        begun = asyncio.create_task(_begin_to_read(runs, hub))
        yield
        begun.cancel()
        hub.stop()
        await in_thread(runs.close)

    handlers: dict[Any, Any] = {
        HTTPException: _say,
        NasTunersError: _say_what_is_wrong,
        Exception: _say_it_is_ours,
    }
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Guard(app, access)


async def _begin_to_read(runs: Runs, hub: Hub) -> None:
    """Read what is asked for first while the browser starts."""
    for run in (await in_thread(runs.refresh))[:1]:
        with suppress(NasTunersError, OSError):  # told when it is asked for
            await hub.read(run, run.begin)
            while not run.is_log_whole:  # whoever asks has a turn in between
                await hub.read(run, run.log)
            await hub.read(run, run.log_overview)


class _Answers:
    """What each address answers."""

    def __init__(self, runs: Runs, hub: Hub) -> None:
        self._runs = runs
        self._hub = hub

    async def runs(self, request: Request) -> Response:
        runs = await in_thread(self._runs.listing)
        content = json_bytes({"version": __version__, "runs": runs})
        return Response(content, headers=_FRESH, media_type="application/json")

    async def graph(self, request: Request) -> Response:
        run = self._run(request)
        content, tag = await self._hub.read(run, run.graph)
        self._hub.given(run, graph=tag)
        return Response(content, headers=_FRESH, media_type="application/json")

    async def log(self, request: Request) -> Response:
        run = self._run(request)

        def read() -> tuple[bytes, int, str]:
            overview, tag = run.log_overview()
            return json_bytes(overview), overview["count"], tag

        content, count, tag = await self._hub.read(run, read)
        self._hub.given(run, log=count, written=tag)
        return Response(content, headers=_FRESH, media_type="application/json")

    async def record(self, request: Request) -> Response:
        run, index = self._run(request), _number(request, "index")
        return await self._read(run, lambda: run.log_record(index))

    async def trials(self, request: Request) -> Response:
        run = self._run_with_trials(request)

        def read() -> tuple[bytes, int]:
            columns = run.trials().columns()
            return json_bytes(columns), columns["revision"]

        content, revision = await self._hub.read(run, read)
        self._hub.given(run, trials=revision)
        return Response(content, headers=_FRESH, media_type="application/json")

    async def trial(self, request: Request) -> Response:
        run, number = self._run_with_trials(request), _number(request, "number")
        return await self._read(run, lambda: run.trial(number))

    async def trial_log(self, request: Request) -> Response:
        run, number = self._run_with_trials(request), _number(request, "number")
        name = request.path_params["name"]
        text = await self._hub.read(run, lambda: run.trial_log(number, name))
        return Response(text, headers=_FRESH, media_type="text/plain; charset=utf-8")

    async def intermediate(self, request: Request) -> Response:
        run = self._run_with_trials(request)
        return await self._read(run, lambda: run.trials().curves())

    async def importance(self, request: Request) -> Response:
        run = self._run_with_trials(request)
        return await self._read(run, lambda: run.trials().importance())

    async def events(self, request: Request) -> Response:
        run = self._run(request)
        if request.method == "HEAD":
            return Response(headers=_NEVER_KEPT, media_type="text/event-stream")
        place = Place.parse(request.headers.get("last-event-id"))
        try:
            stream = self._hub.follow(run, place)
        except TooManyStreams as error:
            raise HTTPException(503, str(error), headers={"retry-after": "30"}) from error
        return StreamingResponse(stream, headers=_NEVER_KEPT, media_type="text/event-stream")

    async def page(self, request: Request) -> Response:
        name = request.path_params["name"] or INDEX
        file = served().get(name)
        if file is None:
            raise HTTPException(404, "this page has no such file")
        headers = {**_FRESH, "etag": file.etag}
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers={**headers, "content-type": file.type})

    def _run(self, request: Request) -> Run:
        run = self._runs.get(request.path_params["run"])
        if run is None:
            raise HTTPException(404, "no run of this number")
        return run

    def _run_with_trials(self, request: Request) -> Run:
        run = self._run(request)
        if not run.has_trials:
            raise HTTPException(404, f"{run.title}: has no trials")
        return run

    async def _read(self, run: Run, read: Callable[[], dict[str, Any]]) -> Response:
        content = await self._hub.read(run, lambda: json_bytes(read()))
        return Response(content, headers=_FRESH, media_type="application/json")


def _number(request: Request, name: str) -> int:
    text = request.path_params[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise HTTPException(404, f"{name} is a whole number")
    return int(text)


def _say(_request: Request, error: HTTPException) -> Response:
    return _problem(error.status_code, error.detail, dict(error.headers or {}))


def _say_what_is_wrong(_request: Request, error: NasTunersError) -> Response:
    return _problem(404, str(error))


def _say_it_is_ours(_request: Request, error: Exception) -> Response:
    return _problem(500, f"unexpected error, please report it: {type(error).__name__}: {error}")


def _problem(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps({"problem": text})
    more = {"cache-control": "no-store", **(headers or {})}
    return Response(content, status, headers=more, media_type="application/json")
