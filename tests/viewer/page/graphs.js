/** Graphs of schema nas-graph/1 of any size, in the form of DARTS, and hostile ones. */

const OPERATIONS = {
  none: ["Zero"],
  max_pool: ["MaxPool2d", "BatchNorm2d"],
  skip: ["Identity"],
  sep_conv: ["ReLU", "Conv2d", "Conv2d", "BatchNorm2d"],
};

/** Writes a graph piece by piece, as a run of the model would. */
class Writer {
  constructor() {
    this.modules = [];
    this.nodes = [];
    this.edges = [];
    this.choices = {};
  }

  module(parent, name, type, params = 0) {
    this.modules.push({ parent, name, type, params: 0 });
    for (let at = this.modules.length - 1; at !== null; at = this.modules[at].parent) {
      this.modules[at].params += params;
    }
    return this.modules.length - 1;
  }

  node(node, sources = []) {
    this.nodes.push({ shapes: [[2, 8, 4, 4]], ...node });
    const at = this.nodes.length - 1;
    sources.forEach((source) => {
      if (Array.isArray(source)) this.edges.push([source[0], at, source[1]]);
      else this.edges.push([source, at]);
    });
    return at;
  }

  leaf(parent, name, type, source) {
    const conv = type === "Conv2d";
    const module = this.module(parent, name, type, conv ? 64 : 0);
    return this.node({ kind: "module", module, ...(conv ? { flops: 1000 } : {}) }, [source]);
  }

  place(key, kind, names, chosen, place) {
    this.choices[key] ??= { kind, names, n_chosen: chosen, places: [] };
    this.choices[key].places.push(place);
  }

  layerChoice(parent, key, source, operations) {
    const module = this.module(parent, key, "LayerChoice");
    const slots = [];
    const ends = Object.entries(operations).map(([name, types], slot) => {
      const inner = this.module(module, name, types.length > 1 ? "Sequential" : types[0]);
      slots.push({ module: inner, shape: [2, 8, 4, 4] });
      if (types.length === 1) {
        return [this.node({ kind: "module", module: inner }, [source]), slot];
      }
      let at = source;
      types.forEach((type, i) => {
        at = this.leaf(inner, String(i), type, at);
      });
      return [at, slot];
    });
    slots.forEach((slot) => {
      slot.params = this.modules[slot.module].params;
    });
    const node = this.node({ kind: "choice", key, module }, ends);
    this.place(key, "layer", Object.keys(operations), 1, { module, nodes: [node], slots });
    return node;
  }

  inputChoice(parent, key, sources, chosen) {
    const module = this.module(parent, key, "InputChoice");
    const node = this.node({ kind: "choice", key, module }, sources.map((from, i) => [from, i]));
    const slots = sources.map(() => ({ shape: [2, 8, 4, 4] }));
    this.place(key, "input", sources.map((_, i) => `input ${i}`), chosen, {
      module, nodes: [node], slots,
    });
    return node;
  }

  json(model) {
    return {
      schema: "nas-graph/1", tier: "meta", note: "", model, inputs: [],
      parameters: this.modules[0]?.params ?? 0,
      flops: this.nodes.reduce((sum, { flops }) => sum + (flops ?? 0), 0), search_space: {},
      texts: [], modules: this.modules, nodes: this.nodes, edges: this.edges,
      choices: this.choices, templates: [],
    };
  }
}

/** Cells of nodes; each node takes two of its edges, each edge one of its operations. */
export function dartsGraph({ cells = 3, nodes = 2, operations = OPERATIONS } = {}) {
  const writer = new Writer();
  const root = writer.module(null, "", "Network");
  const input = writer.node({ kind: "input", name: "x" });
  const stem = writer.leaf(root, "stem", "Conv2d", input);
  const list = writer.module(root, "cells", "ModuleList");
  const instances = [];
  let [before, last] = [stem, stem];
  for (let number = 0; number < cells; number += 1) {
    const cell = writer.module(list, String(number), "Cell");
    instances.push(cell);
    const states = [before, last];
    const holder = writer.module(cell, "choices", "ModuleDict");
    for (let node = 0; node < nodes; node += 1) {
      const ends = states.map(
        (state, i) => writer.layerChoice(holder, `n${node}_p${i}`, state, operations),
      );
      states.push(writer.inputChoice(holder, `n${node}_switch`, ends, 2));
    }
    const out = writer.node({ kind: "op", op: "cat", module: cell }, states.slice(2));
    [before, last] = [last, out];
  }
  const pooled = writer.node({ kind: "op", op: "mean", module: root }, [last]);
  const flat = writer.node({ kind: "op", op: "flatten", module: root }, [pooled]);
  const head = writer.leaf(root, "head", "Linear", flat);
  writer.node({ kind: "output" }, [head]);
  const json = writer.json("Network");
  if (cells > 1) json.templates = [{ name: "Cell", modules: instances }];
  return json;
}

/** Any number of functions in one module, one after the other. */
export function flatGraph(count) {
  const writer = new Writer();
  const root = writer.module(null, "", "Flat");
  let at = writer.node({ kind: "input", name: "x" });
  for (let i = 0; i < count; i += 1) {
    const module = writer.module(root, `m${i}`, "Conv2d");
    at = writer.node({ kind: "module", module }, [at, ...(i > 7 ? [at - 5] : [])]);
  }
  writer.node({ kind: "output" }, [at]);
  return writer.json("Flat");
}

/** Modules in modules in modules. */
export function deepGraph(depth) {
  const writer = new Writer();
  let module = writer.module(null, "", "Deep");
  const input = writer.node({ kind: "input", name: "x" });
  for (let i = 0; i < depth; i += 1) module = writer.module(module, "inner", "Sequential");
  const end = writer.leaf(module, "last", "Conv2d", input);
  writer.node({ kind: "output" }, [end]);
  return writer.json("Deep");
}

/** Modules and functions that wait for each other. */
export function cyclicGraph() {
  const writer = new Writer();
  const root = writer.module(null, "", "Cyclic");
  const [a, b, c] = ["a", "b", "c"].map((name) => {
    const module = writer.module(root, name, "Conv2d");
    return writer.node({ kind: "module", module });
  });
  writer.node({ kind: "op", op: "view", module: root });
  writer.node({ kind: "op", op: "view", module: root });
  writer.edges.push([a, b], [b, c], [c, a], [a, a], [3, 4], [4, 3], [4, a]);
  return writer.json("Cyclic");
}

/** A module tree that never ran. */
export function treeOnly(json) {
  const choices = Object.fromEntries(Object.entries(json.choices).map(([key, choice]) => [key, {
    ...choice, places: choice.places.map((place) => ({ ...place, nodes: [] })),
  }]));
  return { ...json, tier: "modules", note: "it did not run", nodes: [], edges: [], choices };
}
