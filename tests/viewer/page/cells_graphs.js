/** Small graphs of schema nas-graph/1, of the kinds that the literature searches. */

/** Collects modules, nodes and edges; names of modules are paths. */
class Maker {
  constructor(type) {
    this.json = {
      schema: "nas-graph/1", tier: "meta", note: "", model: type, inputs: [], parameters: 0,
      flops: 0, search_space: {}, texts: [], modules: [], nodes: [], edges: [], choices: {},
      templates: [],
    };
    this.module(null, "", type);
    this.x = this.node({ kind: "input", name: "x", shapes: [[2, 3, 8, 8]] });
  }

  module(parent, name, type, params = 0) {
    return this.json.modules.push({ parent, name, type, params }) - 1;
  }

  node(node, sources = []) {
    const made = this.json.nodes.push({ shapes: [[2, 4, 8, 8]], ...node }) - 1;
    sources.forEach((source) => {
      this.json.edges.push(Array.isArray(source) ? [source[0], made, source[1]] : [source, made]);
    });
    return made;
  }

  /** A leaf module and its call. */
  leaf(parent, name, type, source, { params = 0, flops = 0 } = {}) {
    return this.node({ kind: "module", module: this.module(parent, name, type, params), flops },
      [source]);
  }

  op(module, op, sources) {
    return this.node({ kind: "op", op, module }, sources);
  }

  /** A layer choice of candidates of two layers each, called once. */
  layerChoice(parent, name, key, names, source) {
    const params = names.reduce((sum, _, index) => sum + 10 * index, 0);
    const module = this.module(parent, name, "LayerChoice", params);
    const slots = names.map((candidate, index) => {
      const inside = this.module(module, candidate, "Sequential", 10 * index);
      const first = this.leaf(inside, "0", "Conv2d", source, { params: 10 * index, flops: 100 });
      const second = this.leaf(inside, "1", "BatchNorm2d", first);
      return { module: inside, params: 10 * index, flops: 100, node: second };
    });
    const node = this.node({ kind: "choice", key, module },
      slots.map((slot, index) => [slot.node, index]));
    this.choice(key, "layer", names, 1, {
      module, nodes: [node], slots: slots.map(({ node: _, ...slot }) => slot),
    });
    return node;
  }

  inputChoice(parent, name, key, names, sources, n_chosen = 1) {
    const module = this.module(parent, name, "InputChoice");
    const node = this.node({ kind: "choice", key, module },
      sources.map((source, index) => [source, index]));
    this.choice(key, "input", names, n_chosen,
      { module, nodes: [node], slots: names.map(() => ({ shape: [2, 4, 8, 8] })) });
    return node;
  }

  choice(key, kind, names, n_chosen, place) {
    const { choices, search_space: space } = this.json;
    choices[key] ??= { kind, names, n_chosen, places: [] };
    if (place) choices[key].places.push(place);
    space[key] ??= kind === "layer" ? { _type: "layer_choice", _value: names }
      : { _type: "input_choice", _value: { candidates: names, n_chosen } };
  }

  finish(last) {
    this.node({ kind: "output" }, [last]);
    return this.json;
  }
}

const OPERATIONS = [
  "none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
  "dil_conv_3x3", "dil_conv_5x5",
];

/** Cells on the two before them; a switch takes two of the edges to each node. */
export function darts({ cells = 4, reductions = [1, 3], nodes = 4, names = OPERATIONS } = {}) {
  const maker = new Maker("DartsNetwork");
  let last = maker.leaf(0, "stem", "Conv2d", maker.x, { params: 50, flops: 500 });
  let before = last;
  const list = maker.module(0, "cells", "ModuleList");
  const made = { normal: [], reduce: [] };
  for (let cell = 0; cell < cells; cell += 1) {
    const kind = reductions.includes(cell) ? "reduce" : "normal";
    const module = maker.module(list, String(cell), "DartsCell");
    made[kind].push(module);
    const out = dartsCell(maker, module, kind, [before, last], { nodes, names });
    [before, last] = [last, out];
  }
  maker.json.templates = Object.values(made).filter((found) => found.length > 1)
    .map((found) => ({ name: "DartsCell", modules: found }));
  const mean = maker.op(0, "mean", [last]);
  return maker.finish(maker.leaf(0, "classifier", "Linear", mean, { params: 7, flops: 70 }));
}

function dartsCell(maker, module, kind, inputs, { nodes, names }) {
  const states = inputs.map((input, number) => prepared(maker, module, number, input));
  const choices = maker.module(module, "choices", "ModuleDict");
  for (let node = 2; node < 2 + nodes; node += 1) {
    const keys = states.map((_, source) => `${kind}_n${node}_p${source}`);
    const edges = keys.map(
      (key, source) => maker.layerChoice(choices, key, key, names, states[source]),
    );
    const key = `${kind}_n${node}_switch`;
    states.push(maker.inputChoice(choices, key, key, keys, edges, 2));
  }
  return maker.op(module, "cat", states.slice(2));
}

/** The first is halved by two convolutions side by side, as after a reduction. */
function prepared(maker, cell, number, source) {
  const module = maker.module(cell, number ? "last" : "before", "Align");
  const relu = maker.leaf(module, "relu", "ReLU", source);
  if (number) return maker.leaf(module, "conv", "Conv2d", relu);
  const a = maker.leaf(module, "a", "Conv2d", relu);
  const b = maker.leaf(module, "b", "Conv2d", maker.op(module, "getitem", [relu]));
  return maker.leaf(module, "norm", "BatchNorm2d", maker.op(module, "cat", [a, b]));
}

/** Nodes that add two operations, each on one state of several. */
export function enasMicro({ cells = 3, nodes = 2 } = {}) {
  const maker = new Maker("EnasMicroNetwork");
  let last = maker.leaf(0, "stem", "Conv2d", maker.x);
  let before = last;
  const list = maker.module(0, "cells", "ModuleList");
  const made = [];
  for (let cell = 0; cell < cells; cell += 1) {
    const module = maker.module(list, String(cell), "EnasCell");
    made.push(module);
    const states = [before, last].map(
      (input, number) => maker.leaf(module, `in${number}`, "Conv2d", input),
    );
    for (let node = 0; node < nodes; node += 1) {
      const inner = maker.module(module, `node${node}`, "EnasNode");
      const names = states.map((_, number) => `state${number}`);
      const parts = ["x", "y"].map((side) => {
        const key = `normal_node${node}_${side}`;
        const from = maker.inputChoice(inner, `${side}_in`, `${key}_input`, names, states);
        return maker.layerChoice(inner, `${side}_op`, `${key}_op`, ["sep", "pool", "id"], from);
      });
      states.push(maker.op(inner, "add", parts));
    }
    const weight = maker.op(module, "chunk", []); // of a parameter: comes from no input
    const cat = maker.op(module, "cat", states);
    [before, last] = [last, maker.op(module, "conv2d", [cat, weight])];
  }
  maker.json.templates = [{ name: "EnasCell", modules: made }];
  return maker.finish(maker.leaf(0, "classifier", "Linear", last));
}

/** Layers one after the other, each with any of the earlier outputs added. */
export function enasMacro({ layers = 4 } = {}) {
  const maker = new Maker("EnasMacroNetwork");
  let last = maker.leaf(0, "stem", "Conv2d", maker.x);
  const list = maker.module(0, "layers", "ModuleList");
  const outputs = [];
  for (let layer = 0; layer < layers; layer += 1) {
    const module = maker.module(list, String(layer), "EnasLayer");
    const names = ["conv_3x3", "conv_5x5", "pool"];
    let out = maker.layerChoice(module, "operation", `layer${layer}_op`, names, last);
    if (outputs.length) {
      const skipped = maker.inputChoice(module, "skip", `layer${layer}_skip`,
        outputs.map((_, number) => `layer${number}`), outputs, null);
      out = maker.op(module, "add", [out, skipped]);
    }
    last = maker.leaf(module, "norm", "BatchNorm2d", out);
    outputs.push(last);
  }
  return maker.finish(maker.leaf(0, "classifier", "Linear", last));
}

/** Four nodes with an operation between each two, summed. */
export function nasBench201({ cells = 2 } = {}) {
  const maker = new Maker("Chain");
  let last = maker.leaf(0, "stem", "Conv2d", maker.x);
  const made = [];
  for (let cell = 0; cell < cells; cell += 1) {
    const module = maker.module(0, `cell${cell}`, "NasBench201Cell");
    made.push(module);
    const states = [last];
    for (let node = 1; node < 4; node += 1) {
      const parts = states.map((state, source) => maker.layerChoice(
        module, `${source}->${node}`, `${source}->${node}`, ["none", "skip", "conv"], state,
      ));
      states.push(parts.reduce((total, part) => maker.op(module, "add", [total, part])));
    }
    last = states[3];
  }
  maker.json.templates = [{ name: "NasBench201Cell", modules: made }];
  return maker.finish(maker.leaf(0, "classifier", "Linear", last));
}

/** A chain of blocks, every second with its input added. */
export function chain({ blocks = 5 } = {}) {
  const maker = new Maker("Chain");
  let last = maker.leaf(0, "stem", "Conv2d", maker.x);
  for (let block = 0; block < blocks; block += 1) {
    const module = maker.module(0, `block${block}`, block % 2 ? "Residual" : "Block");
    const key = `stage_block${block}`;
    const out = maker.layerChoice(module, "layer", key, ["mb3_k3", "mb6_k5", "zero"], last);
    last = block % 2 ? maker.op(module, "add", [last, out]) : out;
  }
  return maker.finish(maker.leaf(0, "classifier", "Linear", last));
}

/** A choice with another one in a candidate, and a value. */
export function nested() {
  const maker = new Maker("Nested");
  const stem = maker.leaf(0, "stem", "Conv2d", maker.x, { params: 5, flops: 50 });
  const module = maker.module(0, "outer", "LayerChoice", 40);
  const plain = maker.leaf(module, "plain", "Conv2d", stem, { params: 10, flops: 100 });
  const deep = maker.module(module, "deep", "Sequential", 30);
  const inner = maker.layerChoice(deep, "inner", "inner", ["small", "large"], stem);
  const outer = maker.node({ kind: "choice", key: "outer", module }, [[plain, 0], [inner, 1]]);
  maker.choice("outer", "layer", ["plain", "deep"], 1, {
    module, nodes: [outer],
    slots: [
      { module: module + 1, params: 10, flops: 100 }, { module: deep, params: 30, flops: 200 },
    ],
  });
  maker.choice("width", "value", ["16", "32"], 1);
  maker.json.search_space = {
    outer: { _type: "layer_choice", _value: ["plain", "deep"] },
    inner: {
      _type: "layer_choice", _value: ["small", "large"], _active_if: { outer: [1] },
    },
    width: { _type: "choice", _value: [16, 32] },
  };
  maker.json.choices = {
    outer: maker.json.choices.outer, inner: maker.json.choices.inner,
    width: maker.json.choices.width,
  };
  return maker.finish(maker.leaf(0, "head", "Linear", outer, { params: 3, flops: 30 }));
}

/** What is known of a model that never ran: its choices, no nodes. */
export function withoutNodes(json) {
  const choices = Object.fromEntries(Object.entries(json.choices).map(([key, choice]) => [
    key, { ...choice, places: choice.places.map((place) => ({ ...place, nodes: [] })) },
  ]));
  return { ...json, tier: "modules", nodes: [], edges: [], choices };
}
