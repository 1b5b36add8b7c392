from __future__ import annotations

import copy
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_tuners.viewer.recorded import graph_modules, graph_nodes, json_file
from nas_tuners.viewer.recorded.graph_file import GraphRead, graph_of, read_graph

from .graph_files import SPACE, small_graph


def _spoilt(**fields: Any) -> GraphRead:
    return graph_of({**small_graph(), **fields}, "graph.json")


def _only(read: GraphRead) -> str:
    """The one problem."""
    assert len(read.problems) == 1, read.problems
    return read.problems[0]


def check_trusted(graph: dict[str, Any]) -> None:
    """Every index and type is what the schema says."""
    json.dumps(graph, ensure_ascii=False, allow_nan=False).encode()
    modules, nodes, choices = graph["modules"], graph["nodes"], graph["choices"]
    assert modules[0]["parent"] is None
    path = [0]
    for i, module in enumerate(modules[1:], 1):
        assert module["parent"] in path, "depth first"
        path = [*path[: path.index(module["parent"]) + 1], i]
        assert len(path) <= graph_modules.MAX_DEPTH + 1
        assert isinstance(module["name"], str)
        assert isinstance(module["type"], str)
        assert module["params"] >= 0
        assert module.get("text", 0) in range(max(len(graph["texts"]), 1))
    for node in nodes:
        assert node["kind"] in ("input", "module", "op", "choice", "output")
        if node["kind"] in ("module", "op", "choice"):
            assert node["module"] in range(len(modules))
        assert node["kind"] != "choice" or node["key"] in choices
        assert all(size >= 0 for shape in node["shapes"] for size in shape)
    for edge in graph["edges"]:
        assert 0 <= edge[0] < edge[1] < len(nodes)
        assert len(edge) == 2 or edge[2] in range(len(choices[nodes[edge[1]]["key"]]["names"]))
    for key, choice in choices.items():
        assert choice["kind"] in ("layer", "input", "value")
        for place in choice["places"]:
            assert place["module"] in range(len(modules))
            assert all(nodes[i]["key"] == key for i in place["nodes"])
            assert len(place["slots"]) in (0, len(choice["names"]))
            assert all(s.get("module", 0) in range(len(modules)) for s in place["slots"])
    for template in graph["templates"]:
        assert len(set(template["modules"])) >= 2
        assert all(i in range(len(modules)) for i in template["modules"])


def test_what_is_right_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(small_graph(), separators=(",", ":")))
    read = read_graph(path)
    assert read == GraphRead(small_graph(), [])
    assert read.graph is not None
    check_trusted(read.graph)


def test_that_the_model_sees_what_is_chosen_is_kept_where_it_is_true() -> None:
    content = small_graph()
    content["choices"]["skip"]["return_mask"] = True
    content["choices"]["conv"]["return_mask"] = "yes"
    graph = graph_of(content).graph
    assert graph is not None
    told = {key: choice.get("return_mask") for key, choice in graph["choices"].items()}
    assert told == {"conv": None, "skip": True, "depth": None}


def test_a_file_of_earlier_versions_has_the_search_space_alone(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"search_space": SPACE}, indent=2))
    read = read_graph(path)
    assert read.problems == []
    assert read.graph is not None
    check_trusted(read.graph)
    assert read.graph["tier"] == "modules"
    assert read.graph["search_space"] == SPACE
    kinds = {
        key: (c["kind"], c["names"], c["n_chosen"]) for key, c in read.graph["choices"].items()
    }
    assert kinds == {
        "conv": ("layer", ["conv3x3", "conv5x5", "skip"], 1),
        "skip": ("input", ["a", "b"], 1),
        "depth": ("value", ["16", "32"], 1),
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (
            b'{"schema": "nas-graph/1",\n "modules": [{"na',
            "line 2, column 15: broken or incomplete",
        ),
        (b"PK\x03\x04\xff", "is not text in UTF-8 (at byte 4)"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"[1, 2]", "holds a list, but an object was expected"),
        (b"null", "holds null and nothing else"),
        (b"{}", "is an empty object"),
        (b'{"a": ' + b"1" * 5000 + b"}", "has a number of too many digits"),
        (json.dumps(SPACE).encode(), "this is a search space, not a graph"),
        (b'{"conv": "conv3x3", "skip": [0, 1]}', "this looks like an architecture, not a graph"),
        (b'{"conv": {"_value": "a", "_idx": 0}}', "this looks like an architecture, not a graph"),
        (b'{"name": {"version": 1}}', "this is not a graph"),
        (
            b'{"schema": "nas-graph/7"}',
            "has the schema 'nas-graph/7' (written by another version)",
        ),
    ],
)
def test_other_files_are_told_apart(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "graph.json"
    path.write_bytes(content)
    read = read_graph(path)
    assert read.graph is None
    assert _only(read).startswith("graph.json")
    assert problem in _only(read)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    def problem(path: Path) -> str:
        read = read_graph(path)
        assert read.graph is None
        return _only(read)

    assert problem(tmp_path / "graph.json") == "graph.json: there is no such file"
    assert "not a regular file" in problem(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in problem(tmp_path / "pipe")
    (tmp_path / "real").write_text(json.dumps(small_graph()))
    (tmp_path / "link").symlink_to("real")
    assert "symbolic link" in problem(tmp_path / "link")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert "cannot be read" in problem(tmp_path / "socket")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text("{}")
    path.chmod(0)
    assert _only(read_graph(path)) == "graph.json: cannot be read: no permission"


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    with path.open("wb") as file:
        file.truncate(json_file.MAX_BYTES + 2**20)
    read = read_graph(path)
    assert read.graph is None
    assert _only(read) == "graph.json: has 65 MiB, but at most 64 MiB are read"


@pytest.mark.parametrize("item", [b"[]", b"{}", b'""', b"1"])
def test_millions_of_values_are_not_read(item: bytes, tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_bytes(b"[" + (item + b",") * json_file.MAX_VALUES + item + b"]")
    assert read_graph(path).problems == [
        "graph.json: has more values than the 8,000,000 that are read"
    ]


def test_texts_are_not_more_than_modules_may_be() -> None:
    graph = _spoilt(texts=["a"] * (graph_modules.MAX_MODULES + 1)).graph
    assert graph is not None
    assert len(graph["texts"]) == graph_modules.MAX_MODULES


def test_a_million_nodes_are_cut() -> None:
    node = {"kind": "op", "op": "relu", "module": 0, "shapes": [[1]]}
    n = 1_000_000
    read = _spoilt(nodes=[node] * n, edges=[[i, i + 1] for i in range(n - 1)], choices={})
    assert read.graph is not None
    assert len(read.graph["nodes"]) == graph_nodes.MAX_NODES
    assert len(read.graph["edges"]) == graph_nodes.MAX_NODES - 1
    assert read.problems == ["graph.json, nodes: 1,000,000 nodes: the first 50,000 are shown"]


def test_of_too_many_modules_the_upper_levels_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_modules, "MAX_MODULES", 8)
    read = _spoilt()
    assert read.graph is not None
    check_trusted(read.graph)
    assert [module["type"] for module in read.graph["modules"]] == [
        *("Net", "Block", "LayerChoice", "InputChoice", "Block", "LayerChoice", "InputChoice")
    ]
    assert "13 modules are too many or too deep; the 7 of the upper 3 levels" in read.problems[0]
    assert [node.get("module") for node in read.graph["nodes"][1:5]] == [2, 2, 2, 2]


def test_of_too_many_children_the_first_are_shown() -> None:
    child = {"parent": 0, "name": "a", "type": "A", "params": 0}
    read = graph_of({"modules": [{**child, "parent": None}, *[child] * 60_000]})
    assert read.graph is not None
    assert len(read.graph["modules"]) == graph_modules.MAX_MODULES
    assert "60,001 modules are too many or too deep; the first 50,000 are shown" in _only(read)


def test_a_deep_tree_is_cut() -> None:
    chain = [{"parent": i - 1, "name": "a", "type": "A", "params": 0} for i in range(10_000)]
    chain[0]["parent"] = None  # type: ignore[assignment]
    read = graph_of({"modules": chain, "nodes": [{"kind": "op", "op": "f", "module": 9_999}]})
    assert read.graph is not None
    check_trusted(read.graph)
    assert len(read.graph["modules"]) == graph_modules.MAX_DEPTH + 1
    assert read.graph["nodes"][0]["module"] == graph_modules.MAX_DEPTH


def test_modules_that_stand_in_another_order_are_sorted() -> None:
    modules = [
        {"parent": None, "name": "", "type": "Net", "params": 0},
        {"parent": 0, "name": "a", "type": "A", "params": 0},
        {"parent": 0, "name": "b", "type": "B", "params": 0},
        {"parent": 1, "name": "c", "type": "C", "params": 0},
    ]
    nodes = [{"kind": "module", "module": 3, "shapes": []}]
    read = graph_of({"modules": modules, "nodes": nodes})
    assert read.graph is not None
    assert [(m["name"], m["parent"]) for m in read.graph["modules"]] == [
        *(("", None), ("a", 0), ("c", 1), ("b", 0))
    ]
    assert read.graph["nodes"][0]["module"] == 2


@pytest.mark.parametrize("parent", [9, 2, -1, None, "0", True, 1.0, [0]])
def test_a_module_with_a_wrong_parent_stands_within_the_model(parent: Any) -> None:
    modules = [{"parent": None, "name": "", "type": "Net", "params": 1}, *[{}] * 2]
    modules[1:] = [{"parent": 0, "name": "a", "type": "A"}, {"parent": parent, "name": "b"}]
    read = graph_of({"modules": modules})
    assert read.graph is not None
    check_trusted(read.graph)
    assert [module["parent"] for module in read.graph["modules"]] == [None, 0, 0]
    assert "modules[2]: its parent" in read.problems[0]


def test_edges_that_lead_back_are_left_out() -> None:
    edges = small_graph()["edges"]
    read = _spoilt(edges=[*edges, [5, 4], [3, 3], [12, 1]])
    assert read.graph is not None
    assert read.graph["edges"] == edges
    assert "it leads back from node 5 to node 4; left out (and 2 more like it)" in _only(read)


@pytest.mark.parametrize(
    "edge", [[0], [0, 99], [-1, 2], ["0", 1], 7, None, [0, 1, 2, 3], [0, 1.0]]
)
def test_edges_of_other_things_are_left_out(edge: Any) -> None:
    edges = small_graph()["edges"]
    read = _spoilt(edges=[edge, *edges])
    assert read.graph is not None
    assert read.graph["edges"] == edges
    assert _only(read).startswith("graph.json, edges[0]: two nodes of the graph were expected")


def test_a_slot_that_no_candidate_has_is_dropped() -> None:
    read = _spoilt(edges=[[1, 4, 3], [2, 4, 1], [0, 1, 5]])
    assert read.graph is not None
    assert read.graph["edges"] == [[1, 4], [2, 4, 1], [0, 1]]
    assert "edges[0]: the choice 'conv' has no candidate 3" in _only(read)


@pytest.mark.parametrize(
    "node",
    [
        *(None, 3, {}, {"kind": "loop"}, {"kind": ["op"]}),
        {"kind": "choice", "key": "other", "module": 0},
        {"kind": "choice", "key": {}, "module": 0},
    ],
)
def test_an_unknown_node_keeps_its_index(node: Any) -> None:
    nodes = small_graph()["nodes"]
    nodes[5] = node
    read = _spoilt(nodes=nodes)
    assert read.graph is not None
    check_trusted(read.graph)
    assert read.graph["nodes"][5]["op"] == "?"
    assert read.graph["nodes"][6:] == nodes[6:]
    assert _only(read).startswith("graph.json, nodes[5]: ")


def test_texts_are_cut_and_have_nothing_that_hides() -> None:
    modules = small_graph()["modules"]
    modules[1]["name"] = "<script>alert(1)</script>"
    modules[2]["name"] = "x" * 10_000_000
    modules[3]["type"] = "a\x00\x1b[31m\u202e\ud800z"
    read = _spoilt(modules=modules)
    assert read.graph is not None
    check_trusted(read.graph)
    assert read.graph["modules"][1]["name"] == "<script>alert(1)</script>"
    assert len(read.graph["modules"][2]["name"]) == 200
    assert read.graph["modules"][3]["type"] == "a\ufffd\ufffd[31m\ufffd\ufffdz"


def test_numbers_that_json_has_not_are_null(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    text = json.dumps(small_graph()).replace('"parameters": 352', '"parameters": NaN')
    path.write_text(text.replace('"flops": 22528', '"flops": 1e999'))
    read = read_graph(path)
    assert read.graph is not None
    assert (read.graph["parameters"], read.graph["flops"]) == (None, None)
    assert _only(read) == "graph.json: NaN is not a number of JSON; taken as null"


def test_keys_that_stand_twice_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(small_graph())[:-1] + ', "model": "Other"}')
    read = read_graph(path)
    assert read.graph is not None
    assert read.graph["model"] == "Other"
    assert "the key 'model' stands twice in one object; the last one counts" in _only(read)


def test_a_wrong_search_space_is_left_out_and_the_choices_stay() -> None:
    read = _spoilt(search_space={"conv": {"_type": "layer_chioce", "_value": ["a"]}})
    assert read.graph is not None
    check_trusted(read.graph)
    assert read.graph["search_space"] == {}
    assert list(read.graph["choices"]) == ["conv", "skip", "depth"]
    assert "did you mean 'layer_choice'" in _only(read)


def test_the_search_space_decides_how_many_candidates_there_are() -> None:
    choices = small_graph()["choices"]
    choices["conv"]["names"] = ["a"]
    choices["other"] = {"kind": "strange", "names": ["b"], "places": "none"}
    choices["__proto__"] = {"kind": "layer", "names": ["b"]}
    read = _spoilt(choices=choices)
    assert read.graph is not None
    check_trusted(read.graph)
    assert read.graph["choices"]["conv"]["names"] == ["conv3x3", "conv5x5", "skip"]
    assert read.graph["choices"]["other"]["kind"] == "value"
    assert "__proto__" not in read.graph["choices"]


def test_templates_of_unlike_or_nested_modules_are_left_out() -> None:
    templates = [
        *({"name": "a", "modules": [1, 7]}, {"name": "b", "modules": [1, 2]}),
        *({"name": "c", "modules": [1]}, {"modules": [1, 7, 99]}, None, {"modules": "17"}),
    ]
    read = _spoilt(templates=templates)
    assert read.graph is not None
    assert read.graph["templates"] == [
        *({"name": "a", "modules": [1, 7]}, {"name": "Block", "modules": [1, 7]})
    ]


def test_the_list_of_problems_is_bounded() -> None:
    nodes = [{"kind": "op", "op": "f", "module": i} for i in range(100, 5_000)]
    choices = {str(i): {"names": i} for i in range(3_000)}
    read = _spoilt(nodes=nodes, choices=choices, search_space={"a": {}, "b": 3})
    assert len(read.problems) < 50
    assert all(len(problem) < 600 for problem in read.problems)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 15)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "op", "choice", "module", "conv", "skip", "\ud800", "__proto__"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["kind", "module", "names", "conv"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_anything_at_any_place_leaves_a_graph_to_be_trusted(data: st.DataObject) -> None:
    graph = copy.deepcopy(small_graph())
    for _ in range(data.draw(st.integers(1, 4))):
        inside: Any = graph
        while True:
            fields = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
            if not fields:
                break
            field = data.draw(st.sampled_from(fields))
            if not isinstance(inside[field], (dict, list)) or data.draw(st.booleans()):
                inside[field] = data.draw(_JSON)
                break
            inside = inside[field]
    read = graph_of(graph)
    if read.graph is not None:
        check_trusted(read.graph)
    assert all(problem.isprintable() for problem in read.problems)
