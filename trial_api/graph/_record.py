"""The graph of a supernet, recorded while the model runs once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from nas_tuners.contract.errors import ConfigError
from nas_tuners.contract.search_space import SearchSpace

from ..nn._supernet import supernet_space
from ..nn._tree import Site, find_choices
from ..nn.wrappers import unwrap
from ..profiling._calls import Call, as_call
from ..profiling._running import kept_random_states
from ._choice_entries import choice_entries
from ._choosing import Way
from ._copying import Place
from ._inputs import few_samples, named_inputs
from ._module_tree import ModuleTree
from ._running import Run, Subject, run_copy
from ._templates import templates
from ._values import shape_of

SCHEMA = "nas-graph/1"

_logger = logging.getLogger(__name__)


def record_graph(model: nn.Module, inputs: Any) -> dict[str, Any]:
    """The graph of a model with all its candidates, as ``graph.json`` holds it.

    A copy of the model runs once in evaluation mode, every candidate of every choice on the same
    input. First without memory and numbers (``"tier": "meta"``); if these are needed, on the CPU
    with two samples (``"cpu"``). Of a model that does not run there are only the modules
    (``"modules"``). Then ``"note"`` says why.

    The model may be undecided, bound to a mutator, a supernet with values, or the plain network of
    an architecture; on any device, in wrappers or not. It is left as it is, with its mode, its
    buffers, the random states and what is decided.

    Args:
        model: The model.
        inputs: A tensor; or a tuple of arguments, or a dict of keyword arguments. FLOPs are those
            of the whole batch.

    Returns:
        What ``json.dump`` writes.

    Raises:
        ConfigError: if there is no tensor in the inputs, or ``model`` is no module.
        SearchSpaceError: if the choices of the model contradict each other.

    Example::

        graph = record_graph(model, torch.randn(2, 3, 32, 32))
        with open("graph.json", "w") as file:
            json.dump(graph, file)
    """
    if not isinstance(model, nn.Module):
        raise ConfigError(f"`model` must be an nn.Module, but got {model!r}")
    root = unwrap(model)
    call = as_call(inputs)
    tensors = [tensor for _, tensor in named_inputs(root, call)]
    if not tensors:
        raise ConfigError(
            "`inputs` must hold a tensor: give one, a tuple of arguments, or a dict of keyword "
            f"arguments, but got {inputs!r}"
        )
    devices = {tensor.device for tensor in [*root.parameters(), *root.buffers(), *tensors]}
    with kept_random_states(devices):
        sites = find_choices(root)
        subject = _subject(root, sites, call)
        space = supernet_space(root)
        tier, note, run = _recorded(subject, sites)
    return _graph(subject, space, tier, note, run)


def record_modules(model: nn.Module, note: str) -> dict[str, Any]:
    """The graph of a model that nobody knows how to call: its modules only.

    Args:
        model: See :func:`record_graph`.
        note: Why there is no more.

    Raises:
        SearchSpaceError: if the choices of the model contradict each other.
    """
    root = unwrap(model)
    subject = _subject(root, find_choices(root), Call((), {}))
    return _graph(subject, supernet_space(root), "modules", note, None)


def _subject(root: nn.Module, sites: Sequence[Site], call: Call) -> Subject:
    keys = {id(site.choice): site.key for site in sites}
    return Subject(root, ModuleTree(root), keys, call)


def _graph(
    subject: Subject, space: SearchSpace, tier: str, note: str, run: Run | None
) -> dict[str, Any]:
    root, keys = subject.root, subject.keys
    modules, texts = subject.tree.to_json()
    nodes: Sequence[Mapping[str, Any]] = run.nodes if run else []
    return {
        "schema": SCHEMA,
        "tier": tier,
        "note": note,
        "model": type(root).__name__,
        "inputs": [_input(tensor) for _, tensor in named_inputs(root, subject.call)],
        "parameters": modules[0]["params"],
        "flops": sum(node.get("flops", 0) for node in nodes) if run else None,
        "search_space": space.to_dict(),
        "texts": texts,
        "modules": modules,
        "nodes": nodes,
        "edges": [list(edge) for edge in run.edges] if run else [],
        "choices": choice_entries(space, subject.tree, keys, run.calls if run else {}),
        "templates": templates(subject.tree, keys),
    }


def _recorded(subject: Subject, sites: Sequence[Site]) -> tuple[str, str, Run | None]:
    """The best tier that there is a run of, and why there is no better one."""
    notes: dict[str, str] = {}
    for place, way, call in _attempts(subject.call, sites):
        try:
            run = run_copy(subject, call, place, way)
        except Exception as error:
            notes.setdefault(place, _first_line(error))
            _logger.debug("no run on %s as %s", place, way, exc_info=True)
            continue
        if place == "meta":
            return place, "", run
        return place, "; ".join([notes["meta"], *map(_first_line, run.failures[:1])]), run
    return "modules", notes["cpu"], None


def _attempts(call: Call, sites: Sequence[Site]) -> Iterator[tuple[Place, Way, Call]]:
    """In which ways a model is run until one succeeds."""
    masked = any(site.choice.return_mask for site in sites)
    fewer = few_samples(call)
    yield "meta", Way(), call
    if masked:
        yield "meta", Way(mixes=False), call
    yield "cpu", Way(tolerant=True), fewer
    if sites:
        yield "cpu", Way(mixes=False, tolerant=True), fewer
        yield "cpu", Way(picks="last", mixes=False, tolerant=True), fewer
        yield "cpu", Way(picks="all", mixes=False, tolerant=True), fewer
    if fewer is not call:
        yield "cpu", Way(mixes=False, tolerant=True), call


def _first_line(error: Exception | str) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _input(tensor: Tensor) -> dict[str, Any]:
    return {"shape": shape_of(tensor), "dtype": str(tensor.dtype).removeprefix("torch.")}
