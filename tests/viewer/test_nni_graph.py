from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nas_tuners import SearchSpace
from nas_tuners.viewer.recorded.graph_file import graph_of, read_graph
from nas_tuners.viewer.recorded.log_file import LogFile

from .nni_files import Trace, darts, log_of, naive, trail, write_run
from .test_graph_file import check_trusted


def converted(content: dict[str, Any]) -> dict[str, Any]:
    read = graph_of(content, "graph.json")
    assert read.problems == []
    assert read.graph is not None
    check_trusted(read.graph)
    return read.graph


def labelled(graph: dict[str, Any], node: int) -> str:
    """A node by what it does and where."""
    found = graph["nodes"][node]
    if found["kind"] in ("input", "output"):
        return str(found["name"])
    module, names = found["module"], []
    while module:
        names.append(graph["modules"][module]["name"])
        module = graph["modules"][module]["parent"]
    return ".".join(names[::-1]) + ("" if found["kind"] == "module" else ":" + _what(found))


def _what(node: dict[str, Any]) -> str:
    return str(node["key"] if node["kind"] == "choice" else node["op"])


def test_the_naive_net_without_what_only_moves_data() -> None:
    graph = converted(naive())
    edges = [(labelled(graph, e[0]), labelled(graph, e[1]), *e[2:]) for e in graph["edges"]]
    assert sorted(edges) == sorted(
        [
            ("x", "conv1.0"),
            ("x", "conv1.1"),
            ("conv1.0", "conv1:LayerChoice1", 0),
            ("conv1.1", "conv1:LayerChoice1", 1),
            ("conv1:LayerChoice1", ":relu"),
            (":relu", ":max_pool2d"),
            (":max_pool2d", "conv2.0"),
            (":max_pool2d", "conv2.1"),
            ("conv2.0", "conv2:LayerChoice2", 0),
            ("conv2.1", "conv2:LayerChoice2", 1),
            ("conv2:LayerChoice2", ":relu"),
            (":relu", ":max_pool2d"),
            (":max_pool2d", "conv3"),
            ("conv3", ":relu"),
            (":max_pool2d", "skipcon:InputChoice3", 0),
            (":relu", ":add"),
            ("skipcon:InputChoice3", ":add"),
            (":add", ":view"),
            (":view", "fc"),
            ("fc", "output.1"),
        ]
    )


def test_shapes_and_parameters_are_read() -> None:
    graph = converted(naive())
    assert graph["inputs"] == [{"shape": [2, 3, 32, 32], "dtype": ""}]
    by_name = {labelled(graph, i): node["shapes"] for i, node in enumerate(graph["nodes"])}
    assert by_name["conv2:LayerChoice2"] == [[2, 16, 16, 16]]
    params = {module["name"]: module["params"] for module in graph["modules"]}
    assert params["conv1"] == 6 * 3 * 9 + 6 * 3 * 25
    assert params["fc"] == 1024 * 10 + 10
    parts = ("conv1", "conv2", "conv3", "fc")
    assert graph["parameters"] == params[""] == sum(params[name] for name in parts)


def test_choices_have_their_candidates_as_slots() -> None:
    graph = converted(naive())
    assert list(graph["choices"]) == ["LayerChoice1", "LayerChoice2", "InputChoice3"]
    choice = graph["choices"]["LayerChoice1"]
    assert (choice["kind"], choice["names"]) == ("layer", ["0 Conv2d", "1 Conv2d"])
    [place] = choice["places"]
    assert [slot["params"] for slot in place["slots"]] == [162, 450]
    assert [graph["modules"][slot["module"]]["type"] for slot in place["slots"]] == ["Conv2d"] * 2
    assert graph["choices"]["InputChoice3"]["names"] == ["max_pool2d"]
    space = SearchSpace(graph["search_space"])
    assert list(space.specs) == list(graph["choices"])


def test_cells_of_darts_are_templates_with_all_their_choices() -> None:
    content = darts()
    assert len(content["node"]) > 8_000
    graph = converted(content)
    assert len(graph["nodes"]) < 1_000
    assert len(graph["choices"]) == 14
    paths = [[graph["modules"][i]["name"] for i in t["modules"]] for t in graph["templates"]]
    assert paths == [["0", "3"], ["1", "2"]]
    for key, choice in graph["choices"].items():
        assert len(choice["places"]) == 2
        for place in choice["places"]:
            [node] = place["nodes"]
            slots = sorted(edge[2] for edge in graph["edges"] if edge[1] == node)
            assert slots == list(range(len(choice["names"]))), key
            assert len(place["slots"]) == len(slots)
    assert graph["choices"]["reduce_n3_switch"]["names"] == [
        *("reduce_n3_p0", "reduce_n3_p1", "reduce_n3_p2")
    ]


def test_a_candidate_that_returns_its_input_is_a_node_of_its_own() -> None:
    graph = converted(darts())
    choice = graph["choices"]["normal_n2_p0"]
    assert choice["names"] == [
        *("0 PoolBN", "1 PoolBN", "2 Identity"),
        *("3 SepConv", "4 SepConv", "5 DilConv", "6 DilConv"),
    ]
    [first, _] = choice["places"]
    identity = first["slots"][2]["module"]
    assert graph["modules"][identity]["parent"] == first["module"]
    [node] = [i for i, n in enumerate(graph["nodes"]) if n.get("module") == identity]
    assert [node, first["nodes"][0], 2] in graph["edges"]
    assert [edge for edge in graph["edges"] if edge[1] == node] != []


def test_every_operation_that_computes_is_there_once() -> None:
    content = darts()
    convolutions = Counter(n["op"] for n in content["node"])["aten::_convolution"]
    graph = converted(content)
    modules = graph["modules"]
    kept = [n for n in graph["nodes"] if n["kind"] == "module"]
    assert sum(modules[n["module"]]["type"] == "Conv2d" for n in kept) == convolutions


def _trace_without_list() -> dict[str, Any]:
    """A layer choice with ``reduction="none"``, whose list is taken apart at once."""
    trace = Trace("Net")
    x = trace.input("x", [1, 4])
    made = []
    with trace.scope("LayerChoice[op]"):
        for scope in ("Tanh[10]", "ReLU[2]"):
            with trace.scope(scope):
                made.append(trace.op("aten::tanh", [x], [1, 4]))
    total = trace.op("aten::add", [*made, trace.constant(1)], [1, 4])
    trace.output("y", total)
    return trace.content({"op": [trail("Net", "LayerChoice[op]")]})


def test_without_a_list_the_children_of_a_layer_choice_are_its_candidates() -> None:
    graph = converted(_trace_without_list())
    choice = graph["choices"]["op"]
    assert choice["names"] == ["2 ReLU", "10 Tanh"]
    edges = [(labelled(graph, e[0]), labelled(graph, e[1]), *e[2:]) for e in graph["edges"]]
    assert sorted(edges) == sorted(
        [
            *(("x", "op.10"), ("x", "op.2")),
            *(("op.2", "op:op", 0), ("op.10", "op:op", 1)),
            *(("op:op", ":add"), (":add", "y")),
        ]
    )


def test_inputs_that_are_the_same_stay_apart() -> None:
    trace = Trace("Net")
    x = trace.input("x", [1, 4])
    with trace.scope("InputChoice[skip]"):
        y = trace.sum([x, x, x])
    trace.output("y", y)
    graph = converted(trace.content({"skip": [trail("Net", "InputChoice[skip]")]}))
    assert graph["edges"] == [[0, 1, 0], [0, 1, 1], [0, 1, 2], [1, 2]]


def test_a_choice_that_is_called_twice_has_two_nodes() -> None:
    trace = Trace("Net")
    x = trace.input("x", [1, 4, 8, 8])
    for _ in range(2):
        with trace.scope("LayerChoice[op]"):
            made = []
            for i in range(2):
                with trace.scope(f"Conv2d[{i}]"):
                    made.append(trace.conv(x, 4, 3))
            x = trace.sum(made)
    trace.output("y", x)
    graph = converted(trace.content({"op": [trail("Net", "LayerChoice[op]")]}))
    [place] = graph["choices"]["op"]["places"]
    assert len(place["nodes"]) == 2
    assert graph["parameters"] == 2 * 4 * 4 * 9, "each is counted once"


def test_scopes_of_mutables_are_no_choices() -> None:
    content = naive()
    content["mutable"]["scope"] = [trail("Net", "MutableScope[cell]")]
    assert list(converted(content)["choices"]) == ["LayerChoice1", "LayerChoice2", "InputChoice3"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda c: c["node"].append(3), "node[166]: it has no name of its own; left out"),
        (lambda c: c["node"].append(c["node"][0]), "node[166]: it has no name of its own"),
        (lambda c: c["node"][-1]["input"].append("gone"), "there is no node 'gone' to take"),
        (lambda c: c["node"][2].update(input=[c["node"][-1]["name"]]), "inputs close circles"),
        (lambda c: c.update(mutable=[1]), "mutable: an object was expected, not a list"),
        (lambda c: c["mutable"].update(a=[[{"type": 3}]]), "mutable, 'a'[0]: a list of types"),
        (lambda c: c["mutable"].update(a={}), "mutable, 'a'[0]: a list of types"),
        (
            lambda c: c["mutable"].update(a=[trail("Net", "LayerChoice[b]")]),
            "mutable, 'a': nothing of it was found in the graph",
        ),
        (lambda c: c.update(node={}), "node: a list was expected, but this is an object"),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_shown(change: Any, problem: str) -> None:
    content = copy.deepcopy(naive())
    change(content)
    read = graph_of(content, "graph.json")
    assert read.graph is not None
    check_trusted(read.graph)
    assert any(f"graph.json, {problem}" in p or problem in p for p in read.problems), read.problems


def test_attributes_of_any_kind_do_no_harm() -> None:
    content = naive()
    strange: list[Any] = [None, 3, "é", "e30", {"s": 3}, {"attr": 5}, {"attr": {"s": "%%"}}]
    strange += [{"_output_shapes": {"list": {"shape": value}}} for value in (3, [3], [{"dim": 3}])]
    strange += [
        {"_output_shapes": {"list": {"shape": [{"dim": [{"size": size}]}]}}}
        for size in (None, "-1", "²", "1" * 5_000, 2.5, [])
    ]
    for i, node in enumerate(content["node"]):
        node["attr"] = strange[i % len(strange)]
    read = graph_of(content, "graph.json")
    assert read.graph is not None
    check_trusted(read.graph)


def test_a_long_chain_of_lists_takes_bounded_time() -> None:
    nodes: list[dict[str, Any]] = [{"name": "input/x", "op": "IO Node"}]
    names = ["input/x"]
    for i in range(1_000):
        nodes.append({"name": f"Net/{i}", "op": "prim::ListConstruct", "input": names[-3:] * 2})
        nodes.append({"name": f"Net/op{i}", "op": "aten::relu", "input": [f"Net/{i}"]})
        names += [f"Net/{i}", f"Net/op{i}"]
    read = graph_of({"node": nodes, "mutable": {}}, "graph.json")
    assert read.graph is not None
    check_trusted(read.graph)


def test_a_folder_of_nni_opens(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "1586000000", darts(), lines=30)
    read = read_graph(folder / "graph.json")
    assert read.graph is not None
    assert read.problems == []
    log = LogFile(folder / "log")
    log.refresh()
    overview = log.overview()
    assert overview["step"] == list(range(1, 31))
    assert set(overview["values"]) == set(read.graph["choices"])
    weights = overview["values"]["normal_n2_p0"][0]
    assert len(weights) == len(read.graph["choices"]["normal_n2_p0"]["names"])
    assert sum(weights) < 1


def test_the_made_log_has_one_object_a_line() -> None:
    lines = log_of(naive(), 3, candidates=2).splitlines()
    assert [list(json.loads(line)) for line in lines] == [list(naive()["mutable"])] * 3
