/**
 * Cells whose edges and operations are choices of values, as in NAS-Bench-101: a boolean for each
 * edge, "<cell>/edge_<from>_<to>", and the name of an operation for each vertex, "<cell>/op_<i>".
 * The graph of the model, which was made under one of them, does not show them.
 */

/**
 * @param {object} model   a GraphModel
 * @returns {{cell: object, genotype: object}[]} cells as those of the model, with `module` null
 */
export function valueCells(model) {
  const found = new Map();
  const of = (name) => {
    if (!found.has(name)) found.set(name, { edges: [], ops: new Map(), keys: [] });
    return found.get(name);
  };
  for (const key of model.keys) {
    const { kind, names } = model.choices[key];
    if (kind !== "value") continue;
    const [, name, from, to] = /^(.*)\/edge_(\d{1,4})_(\d{1,4})$/.exec(key) ?? [];
    const [, owner, vertex] = /^(.*)\/op_(\d{1,4})$/.exec(key) ?? [];
    if (name !== undefined && isBoolean(names) && Number(from) < Number(to)) {
      const { edges, keys } = of(name);
      edges.push({ from: Number(from), to: Number(to), key, index: names.findIndex(isTrue) });
      keys.push(key);
    } else if (owner !== undefined) {
      of(owner).ops.set(Number(vertex), key);
      of(owner).keys.push(key);
    }
  }
  return [...found].filter(([, { edges }]) => edges.length).map(([name, parts]) => ({
    cell: { name, module: null, instances: [], keys: parts.keys }, genotype: drawingOf(parts),
  }));
}

const isTrue = (name) => String(name).toLowerCase() === "true";
const isBoolean = (names) => names.length === 2 && names.some(isTrue) &&
  names.some((name) => String(name).toLowerCase() === "false");

function drawingOf({ edges, ops }) {
  const vertices = [...new Set(edges.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const placeOf = new Map(vertices.map((vertex, place) => [vertex, place]));
  const last = vertices.length - 1;
  const states = vertices.map((vertex, place) => ({
    id: vertex, keys: [], op: ops.get(vertex) ?? null,
    name: place === 0 ? "input" : place === last ? "output" : String(vertex),
    kind: place === 0 ? "input" : place === last ? "output" : "node",
  }));
  const drawn = edges.map(({ from, to, key, index }) => ({
    from: placeOf.get(from), to: placeOf.get(to), op: null, slot: { key, index }, bypass: false,
  }));
  drawn.sort((a, b) => a.to - b.to || a.from - b.from);
  drawn.forEach((edge, number) => { edge.id = `e${number}`; });
  return { states, edges: drawn, rest: [...ops.values()], connected: true };
}
