from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.viewer.figures.genotype import Edge, Genotype, chosen_only, genotype_of
from nas_tuners.viewer.figures.supernet import Supernet
from nas_tuners.viewer.recorded.graph_file import graph_of

from .graph_files import small_graph
from .nni_files import darts, naive

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "nas_tuners" / "viewer" / "page"


def supernet(content: dict[str, Any]) -> Supernet:
    read = graph_of(content)
    assert read.graph is not None
    assert read.problems == []
    return Supernet(read.graph)


def drawn(genotype: Genotype) -> list[tuple[Any, ...]]:
    def shown(edge: Edge) -> tuple[Any, ...]:
        ends = genotype.states[edge.start].name, genotype.states[edge.end].name
        return (*ends, edge.op.key if edge.op else None, edge.slot)

    return [shown(edge) for edge in genotype.edges]


def test_cells_of_darts_are_drawn_as_in_the_paper() -> None:
    net = supernet(darts(cells=4, nodes=2))
    assert [cell.name for cell in net.cells] == ["Cell normal", "Cell reduce"]
    genotype = genotype_of(net, net.cells[0])
    assert [(state.name, state.kind) for state in genotype.states] == [
        *(("c_{k-2}", "input"), ("c_{k-1}", "input")),
        *(("0", "node"), ("1", "node"), ("c_{k}", "output")),
    ]
    assert drawn(genotype) == [
        ("c_{k-2}", "0", "normal_n2_p0", ("normal_n2_switch", 0)),
        ("c_{k-1}", "0", "normal_n2_p1", ("normal_n2_switch", 1)),
        ("c_{k-2}", "1", "normal_n3_p0", ("normal_n3_switch", 0)),
        ("c_{k-1}", "1", "normal_n3_p1", ("normal_n3_switch", 1)),
        ("0", "1", "normal_n3_p2", ("normal_n3_switch", 2)),
        ("0", "c_{k}", None, None),
        ("1", "c_{k}", None, None),
    ]
    assert genotype.rest == []


def test_inputs_that_are_not_chosen_go() -> None:
    net = supernet(darts(cells=4, nodes=2))
    chosen = {"normal_n2_switch": [0, 1], "normal_n3_switch": [0, 2]}
    left = chosen_only(genotype_of(net, net.cells[0]), chosen)
    assert ("c_{k-1}", "1", "normal_n3_p1", ("normal_n3_switch", 1)) not in drawn(left)
    assert len(left.edges) == 6


def test_a_model_without_templates_is_one_cell() -> None:
    net = supernet(naive())
    [cell] = net.cells
    genotype = genotype_of(net, cell)
    assert (cell.name, cell.module) == ("Net", 0)
    assert drawn(genotype) == [
        ("x", "0", "LayerChoice1", None),
        ("0", "1", "LayerChoice2", None),
        ("1", "2", None, ("InputChoice3", 0)),
        ("1", "output", None, None),
        ("2", "output", None, None),
    ]


def test_blocks_that_are_alike_are_drawn_once() -> None:
    net = supernet(small_graph())
    [cell] = net.cells
    assert (cell.name, list(cell.instances), list(cell.keys)) == (
        "Block",
        [1, 7],
        ["conv", "skip"],
    )
    assert drawn(genotype_of(net, cell)) == [
        ("input", "output", None, ("skip", 0)),
        ("input", "output", "conv", ("skip", 1)),
    ]


def test_an_input_choice_on_the_way_to_an_operation_is_a_junction() -> None:
    content = small_graph()
    modules = content["modules"][:7]
    nodes = [
        {"kind": "input", "name": "x", "shapes": []},
        {"kind": "input", "name": "y", "shapes": []},
        {"kind": "choice", "key": "skip", "module": 6, "shapes": []},
        {"kind": "module", "module": 3, "shapes": []},
        {"kind": "module", "module": 4, "shapes": []},
        {"kind": "module", "module": 5, "shapes": []},
        {"kind": "choice", "key": "conv", "module": 2, "shapes": []},
        {"kind": "output", "shapes": []},
    ]
    edges = [
        [0, 2, 0],
        [1, 2, 1],
        *([2, i] for i in (3, 4, 5)),
        *([i, 6, i - 3] for i in (3, 4, 5)),
    ]
    choices = {
        "conv": {**content["choices"]["conv"], "places": [{"module": 2, "nodes": [6]}]},
        "skip": {**content["choices"]["skip"], "places": [{"module": 6, "nodes": [2]}]},
    }
    net = supernet(
        {
            **content,
            "modules": modules,
            "nodes": nodes,
            "edges": [*edges, [6, 7]],
            "choices": choices,
            "templates": [],
            "search_space": {},
        }
    )
    full = genotype_of(net, net.cells[0])
    assert [state.kind for state in full.states] == ["input", "input", "junction", "output"]
    left = chosen_only(full, {"skip": [1], "conv": [0]})
    assert drawn(left) == [("y", "output", "conv", ("skip", 1))]


_SCRIPT = """
import { readFileSync } from "node:fs";
import { graphModel } from "%(page)s/graph/model.js";
import { genotype } from "%(page)s/graph/genotype.js";
const model = graphModel(JSON.parse(readFileSync(0, "utf8")));
console.log(JSON.stringify(model.cells.map((cell) => {
  const { states, edges, rest } = genotype(model, cell);
  return {
    name: cell.name, rest, states: states.map(({ name, kind }) => [name, kind]),
    edges: edges.map(({ from, to, op, slot, bypass }) =>
      [from, to, op?.key ?? null, slot ? [slot.key, slot.index] : null, bypass]),
  };
})));
"""


@pytest.mark.parametrize(
    "content",
    [darts(), darts(cells=3), naive(), small_graph()],
    ids=["darts", "single cells", "naive", "small"],
)
def test_figures_and_the_page_draw_the_same(content: dict[str, Any], tmp_path: Path) -> None:
    driver = pytest.importorskip("playwright._impl._driver")
    node, _ = driver.compute_driver_executable()
    script = tmp_path / "cells.mjs"
    script.write_text(_SCRIPT % {"page": PAGE.as_posix()})
    net = supernet(content)
    done = subprocess.run(
        [node, "--no-warnings", str(script)],
        input=json.dumps(net.graph),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours = []
    for cell in net.cells:
        found = genotype_of(net, cell)
        edges = [
            [e.start, e.end, e.op and e.op.key, e.slot and list(e.slot), e.bypass]
            for e in found.edges
        ]
        states = [[state.name, state.kind] for state in found.states]
        rest = list(found.rest)
        ours.append({"name": cell.name, "rest": rest, "states": states, "edges": edges})
    assert json.loads(done.stdout) == ours
