"""``graph.json`` and ``log`` in the format of NNI 1.x, as its tracing of two models made them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

Shape = Sequence[int]


class Trace:
    """Builds the nodes of a ``GraphDef`` as ``torch.jit.trace`` and inlining leave them."""

    def __init__(self, model: str) -> None:
        self.nodes: list[dict[str, Any]] = []
        self._scopes = [model]
        self._shapes: dict[str, list[int]] = {}
        self._count = 0

    @contextmanager
    def scope(self, *scopes: str) -> Iterator[None]:
        self._scopes += scopes
        yield
        del self._scopes[len(self._scopes) - len(scopes) :]

    def shape(self, name: str) -> list[int]:
        return self._shapes[name]

    def input(self, name: str, shape: Shape) -> str:
        return self._add(f"input/{name}", "IO Node", [], shape, "")

    def output(self, name: str, source: str) -> str:
        return self._add(f"output/{name}", "IO Node", [source], self._shapes[source], "")

    def op(self, kind: str, inputs: Sequence[str], shape: Shape = (), text: str = "{}") -> str:
        self._count += 1
        return self._add(self._named(str(self._count)), kind, inputs, shape, text)

    def constant(self, value: object) -> str:
        return self.op("prim::Constant", [], text=f"{{ value : {value}}}")

    def list(self, items: Sequence[str]) -> str:
        return self.op("prim::ListConstruct", items)

    def numbers(self, *values: int) -> str:
        return self.list([self.constant(value) for value in values])

    def parameter(self, name: str, shape: Shape) -> str:
        self._count += 1
        full = self._named(f"{name}/{self._count}")
        return self._add(full, "prim::GetAttr", [], shape, f"{{ name :  {name}}}")

    # ---- layers ---------------------------------------------------------------------------

    def conv(self, x: str, channels: int, kernel: int, *, stride: int = 1, groups: int = 1) -> str:
        n, inputs, height, width = self.shape(x)
        weight = self.parameter("weight", [channels, inputs // groups, kernel, kernel])
        two = [self.numbers(size, size) for size in (stride, kernel // 2, 1, 0)]
        flags = [self.constant(flag) for flag in (0, groups, 0, 0, 1)]
        shape = [n, channels, height // stride, width // stride]
        taken = [x, weight, self.constant("None"), *two[:3], flags[0], two[3], *flags[1:]]
        return self.op("aten::_convolution", taken, shape)

    def norm(self, x: str) -> str:
        channels = self.shape(x)[1]
        names = ("weight", "bias", "running_mean", "running_var")
        given = [self.parameter(name, [channels]) for name in names]
        flags = [self.constant(value) for value in (1, 0.1, 1e-05, 1)]
        batches = self.parameter("num_batches_tracked", [])
        self.op("aten::add_", [batches, self.constant(1), self.constant(1)])
        return self.op("aten::batch_norm", [x, *given, *flags], self.shape(x))

    def relu(self, x: str) -> str:
        return self.op("aten::relu", [x], self.shape(x))

    def pool(self, kind: str, x: str, stride: int) -> str:
        n, channels, height, width = self.shape(x)
        sizes = [self.numbers(size, size) for size in (3, stride, 1)]
        shape = [n, channels, height // stride, width // stride]
        return self.op(f"aten::{kind}_pool2d", [x, *sizes, self.constant(0)], shape)

    def sum(self, items: Sequence[str]) -> str:
        """How NNI joined all candidates: ``torch.stack(items).sum(0)``."""
        shape = self.shape(items[0])
        stacked = self.op(
            "aten::stack", [self.list(items), self.constant(0)], [len(items), *shape]
        )
        flags = [self.constant(0), self.constant("None")]
        return self.op("aten::sum", [stacked, self.numbers(0), *flags], shape)

    def content(self, mutable: dict[str, Any]) -> dict[str, Any]:
        return {"node": self.nodes, "versions": {"producer": 22}, "mutable": mutable}

    def _named(self, name: str) -> str:
        return "/".join([*self._scopes, name])

    def _add(self, name: str, kind: str, inputs: Sequence[str], shape: Shape, text: str) -> str:
        dims = [{"size": str(size)} for size in shape]
        attributes: dict[str, Any] = {"attr": {"s": base64.b64encode(text.encode()).decode()}}
        if dims:
            attributes["_output_shapes"] = {"list": {"shape": [{"dim": dims}]}}
        entry = {"name": name, "op": kind, "attr": attributes}
        self.nodes.append(entry | ({"input": list(inputs)} if inputs else {}))
        self._shapes[name] = list(shape)
        return name


def trail(*scopes: str) -> list[dict[str, str]]:
    """``"Net", "LayerChoice[conv1]"`` as an instance of a key in ``mutable``."""
    parts = [scope.partition("[") for scope in scopes]
    return [{"type": kind, "name": name.removesuffix("]")} for kind, _, name in parts]


def naive() -> dict[str, Any]:
    """NNI's naive example: two layer choices, the second with a skip, an input choice, a head."""
    trace = Trace("Net")
    x = trace.input("x", [2, 3, 32, 32])
    mutable: dict[str, Any] = {}
    for number, channels in ((1, 6), (2, 16)):
        with trace.scope(f"LayerChoice[conv{number}]"):
            mutable[f"LayerChoice{number}"] = [trail("Net", f"LayerChoice[conv{number}]")]
            made = []
            for i, kernel in enumerate((3, 5)):
                with trace.scope(f"Conv2d[{i}]"):
                    made.append(trace.conv(x, channels, kernel))
            x = trace.sum(made)
        x = trace.pool("max", trace.relu(x), 2)
    with trace.scope("Conv2d[conv3]"):
        further = trace.conv(x, 16, 1)
    further = trace.relu(further)
    with trace.scope("InputChoice[skipcon]"):
        mutable["InputChoice3"] = [trail("Net", "InputChoice[skipcon]")]
        taken = trace.sum([x])
    x = trace.op("aten::add", [further, taken, trace.constant(1)], trace.shape(x))
    size = trace.op("aten::size", [x, trace.constant(0)])
    count = trace.op("aten::Int", [trace.op("prim::NumToTensor", [size])])
    flat = trace.op("aten::view", [x, trace.list([count, trace.constant(-1)])], [2, 1024])
    with trace.scope("Linear[fc]"):
        weight = trace.op("aten::t", [trace.parameter("weight", [10, 1024])], [1024, 10])
        ones = [trace.constant(1), trace.constant(1)]
        taken = trace.op(
            "aten::addmm", [trace.parameter("bias", [10]), flat, weight, *ones], [2, 10]
        )
    trace.output("output.1", taken)
    return trace.content(mutable)


def darts(cells: int = 4, nodes: int = 2) -> dict[str, Any]:
    """NNI's DARTS example; every third of the cells, and of two the second, reduces."""
    trace = Trace("CNN")
    mutable: dict[str, Any] = {}
    x = trace.input("input.1", [2, 3, 32, 32])
    with trace.scope("Sequential[stem]"):
        with trace.scope("Conv2d[0]"):
            x = trace.conv(x, 48, 3)
        with trace.scope("BatchNorm2d[1]"):
            x = trace.norm(x)
    before, last, channels = x, x, 16
    reductions = {cells // 3, 2 * cells // 3}
    reduced = False
    for number in range(cells):
        reduces = number in reductions
        channels *= 2 if reduces else 1
        cell = _Cell(trace, mutable, number, channels, nodes, reduces)
        before, last = last, cell.build(before, last, reduced)
        reduced = reduces
    with trace.scope("AdaptiveAvgPool2d[gap]"):
        n, width = trace.shape(last)[:2]
        last = trace.op("aten::adaptive_avg_pool2d", [last, trace.numbers(1, 1)], [n, width, 1, 1])
    trace.output("output.1", last)
    return trace.content(mutable)


def log_of(graph: dict[str, Any], lines: int, candidates: int = 7, seed: int = 0) -> str:
    """A log as NNI's DARTS wrote it: values of a choice sum to less than 1, inputs are 1.0."""
    random = Random(seed)
    logits = {key: [random.gauss(0, 1) for _ in range(candidates)] for key in graph["mutable"]}
    text = ""
    for _ in range(lines):
        record = {}
        for key, values in logits.items():
            weights = [2.718281828 ** (value + random.gauss(0, 0.1)) for value in values]
            total = sum(weights) + 1
            inputs = key.startswith("InputChoice") or key.endswith("switch")
            record[key] = [1.0] * 2 if inputs else [weight / total for weight in weights]
        text += json.dumps(record) + "\n"
    return text


def write_run(folder: Path, graph: dict[str, Any], lines: int = 20) -> Path:
    """``graph.json`` and ``log`` of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "graph.json").write_text(json.dumps(graph))
    (folder / "log").write_text(log_of(graph, lines))
    return folder


class _Cell:
    def __init__(
        self,
        trace: Trace,
        mutable: dict[str, Any],
        number: int,
        channels: int,
        nodes: int,
        reduces: bool,
    ) -> None:
        self.trace, self.mutable, self.number = trace, mutable, number
        self.channels, self.nodes, self.reduces = channels, nodes, reduces
        self.kind = "reduce" if reduces else "normal"

    def build(self, before: str, last: str, reduced: bool) -> str:
        trace = self.trace
        with trace.scope("ModuleList[cells]", f"Cell[{self.number}]"):
            kinds = ("FactorizedReduce" if reduced else "StdConv", "StdConv")
            states = []
            for i, (kind, x) in enumerate(zip(kinds, (before, last), strict=True)):
                with trace.scope(f"{kind}[preproc{i}]", "Sequential[net]"):
                    stride = 2 if kind == "FactorizedReduce" else 1
                    states.append(self._conv_norm(x, 1, stride))
            for depth in range(2, self.nodes + 2):
                with trace.scope("ModuleList[mutable_ops]", f"Node[{depth - 2}]"):
                    states.append(self._node(depth, states))
            n, width, *size = trace.shape(states[-1])
            parts = [trace.list(states[2:]), trace.constant(1)]
            return trace.op("aten::cat", parts, [n, width * self.nodes, *size])

    def _node(self, depth: int, states: list[str]) -> str:
        trace, inputs = self.trace, []
        cell = ("CNN", "ModuleList[cells]", f"Cell[{self.number}]")
        place = (*cell, "ModuleList[mutable_ops]", f"Node[{depth - 2}]")
        for i, state in enumerate(states):
            stride = 2 if self.reduces and i < 2 else 1
            scopes = ("ModuleList[ops]", f"LayerChoice[{i}]")
            self._mark(f"{self.kind}_n{depth}_p{i}", *place, *scopes)
            with trace.scope(*scopes):
                inputs.append(trace.sum([make(state, stride) for make in self._candidates()]))
        self._mark(f"{self.kind}_n{depth}_switch", *place, "InputChoice[input_switch]")
        with trace.scope("InputChoice[input_switch]"):
            return trace.sum(inputs)

    def _mark(self, key: str, *scopes: str) -> None:
        self.mutable.setdefault(key, []).append(trail(*scopes))

    def _candidates(self) -> list[Callable[[str, int], str]]:
        return [
            lambda x, stride: self._pool("max", 0, x, stride),
            lambda x, stride: self._pool("avg", 1, x, stride),
            self._skip,
            lambda x, stride: self._separable("SepConv[3]", x, stride, 3, 2),
            lambda x, stride: self._separable("SepConv[4]", x, stride, 5, 2),
            lambda x, stride: self._separable("DilConv[5]", x, stride, 3, 1),
            lambda x, stride: self._separable("DilConv[6]", x, stride, 5, 1),
        ]

    def _skip(self, x: str, stride: int) -> str:
        if stride == 1:
            return x  # an Identity leaves no operation and no scope in a trace
        with self.trace.scope("FactorizedReduce[2]"):
            return self._conv_norm(x, 1, 2)

    def _pool(self, kind: str, i: int, x: str, stride: int) -> str:
        with self.trace.scope(f"PoolBN[{i}]"):
            with self.trace.scope(f"{kind.title()}Pool2d[pool]"):
                x = self.trace.pool(kind, x, stride)
            with self.trace.scope("BatchNorm2d[bn]"):
                return self.trace.norm(x)

    def _separable(self, scope: str, x: str, stride: int, kernel: int, times: int) -> str:
        trace = self.trace
        with trace.scope(scope):
            for i in range(times):
                with trace.scope(f"DilConv[{i}]", "Sequential[net]"):
                    with trace.scope("ReLU[0]"):
                        x = trace.relu(x)
                    with trace.scope("Conv2d[1]"):
                        step = stride if i == 0 else 1
                        x = trace.conv(x, self.channels, kernel, stride=step, groups=self.channels)
                    with trace.scope("Conv2d[2]"):
                        x = trace.conv(x, self.channels, 1)
                    with trace.scope("BatchNorm2d[3]"):
                        x = trace.norm(x)
        return x

    def _conv_norm(self, x: str, kernel: int, stride: int) -> str:
        trace = self.trace
        with trace.scope("ReLU[relu]"):
            x = trace.relu(x)
        with trace.scope("Conv2d[conv]"):
            x = trace.conv(x, self.channels, kernel, stride=stride)
        with trace.scope("BatchNorm2d[bn]"):
            return trace.norm(x)
