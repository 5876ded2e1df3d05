import { describe, expect, it } from "vitest";
import { elementCount, type Graph, type Node, type Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { runReference } from "../reference/run.ts";
import { constant, float, graph, int8, node, plain, window } from "./build.ts";

/** Numbers in [0, 1) and integers below n, from a seed. */
function generator(seed: number) {
  let state = seed;
  const unit = () => (state = (Math.imul(1664525, state) + 1013904223) >>> 0) / 2 ** 32;
  const below = (n: number) => Math.floor(unit() * n);
  return { unit, below, pick: <T>(items: readonly T[]): T => items[below(items.length)] };
}

type Random = ReturnType<typeof generator>;

const shuffled = (random: Random, rank: number): number[] => {
  const perm = Array.from({ length: rank }, (_, i) => i);
  for (let i = rank - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [perm[i], perm[j]] = [perm[j], perm[i]];
  }
  return perm;
};

/**
 * A random chain with side branches over 4-dimensional values. `make` names a value of a shape; quantized
 * values share one scale and zero point, so that operators that only move values are exact.
 */
function randomGraph(random: Random, isQuantized: boolean): Graph {
  let count = 0;
  const make = (shape: number[]): Tensor =>
    isQuantized ? int8(`t${count++}`, shape, 0.5, 3) : float(`t${count++}`, shape);
  const x = make([1, 1 + random.below(3), 1 + random.below(4), 1 + random.below(3)]);
  const nodes: Node[] = [];
  const values: Tensor[] = [x];
  const add = (n: Node) => {
    nodes.push(n);
    values.push(n.outputs[0]);
  };
  const weights = (shape: number[]) =>
    constant(
      `c${count++}`,
      shape,
      Array.from({ length: elementCount(shape) }, () => random.unit() * 2 - 1),
    );

  const steps: ((t: Tensor) => void)[] = [
    (t) => {
      const perm = random.pick([[0, 3, 1, 2], [0, 2, 3, 1], shuffled(random, 4)]);
      add(node("transpose", [t], make(perm.map((p) => t.shape[p])), { perm }));
    },
    (t) =>
      add(
        node("unary", [t], make(t.shape), random.pick([{ kind: "relu" }, { kind: "clip", min: -1, max: 2 }])),
      ),
    (t) => {
      const before = [0, 0, 0, 0].map(() => random.below(2));
      const after = [0, 0, 0, 0].map(() => (random.below(4) === 0 ? 1 : 0));
      const shape = t.shape.map((d, i) => d + before[i] + after[i]);
      if (elementCount(shape) < 400) add(node("pad", [t], make(shape), { before, after, value: 0 }));
    },
    (t) => {
      const axis = random.below(4);
      const shape = t.shape.map((d, i) => (i === axis ? 2 * d : d));
      if (elementCount(shape) < 400) add(node("concat", [t, t], make(shape), { axis, ...plain }));
    },
    (t) => {
      const flat = t.shape.filter((d) => d !== 1);
      const at = random.below(flat.length + 1);
      while (flat.length < 4) flat.splice(at, 0, 1);
      add(node("reshape", [t], make(flat), {}));
    },
    (t) => {
      const twin = values.filter((v) => v !== t && v.shape.join() === t.shape.join()).pop() ?? t;
      add(node(random.pick(["add", "sub"]), [t, twin], make(t.shape), plain));
    },
    (t) => {
      const axes = [random.pick([[1, 2], [2, 3], [3]]), [random.below(4)]][random.below(2)];
      add(
        node("mean", [t], make(t.shape.map((d, i) => (axes.includes(i) ? 1 : d))), { axes, keepDims: true }),
      );
    },
  ];
  const floatSteps: ((t: Tensor) => void)[] = [
    (t) => {
      const shape = t.shape.map((d) => (random.below(2) ? d : 1));
      add(node(random.pick(["add", "mul", "sub"]), [t, weights(shape)], make(t.shape), plain));
    },
    (t) => {
      const [n, h, w, c] = t.shape;
      const bias = random.below(2) ? weights([2]) : null;
      add(node("conv2d", [t, weights([2, 1, 1, c]), bias], make([n, h, w, 2]), { ...window, groups: 1 }));
    },
    (t) => {
      const depth = elementCount(t.shape.slice(1));
      const flat = make([t.shape[0], depth]);
      add(node("reshape", [t], flat, {}));
      const y = make([t.shape[0], 3]);
      add(node("fullyConnected", [flat, weights([3, depth]), null], y, plain));
      add(node("reshape", [y], make([t.shape[0], 1, 1, 3]), {}));
    },
    (t) => add(node("softmax", [t], make(t.shape), { beta: 1 })),
  ];
  const all = isQuantized ? steps : [...steps, ...floatSteps];
  for (let n = 4 + random.below(12); n > 0; n--) {
    const last = random.below(4) ? values[values.length - 1] : random.pick(values);
    if (last.shape.length === 4) random.pick(all)(last);
  }
  const outputs = [values[values.length - 1]];
  const extra = random.pick(values);
  if (random.below(3) === 0 && !outputs.includes(extra)) outputs.push(extra);
  return graph(
    [x],
    nodes,
    outputs.filter((t) => t !== x),
  );
}

function compare(seed: number, isQuantized: boolean): number {
  const random = generator(seed);
  const before = randomGraph(random, isQuantized);
  const after = optimize(before);
  const [x] = before.inputs;
  const n = elementCount(x.shape);
  const input = isQuantized
    ? Int8Array.from({ length: n }, () => random.below(256) - 128)
    : Float32Array.from({ length: n }, () => random.unit() * 6 - 3);
  const [expected, actual] = [before, after].map((g) => runReference(g, [input]));
  expect(after.outputs).toEqual(before.outputs);
  for (const output of before.outputs) {
    const [e, a] = [expected.get(output), actual.get(output)] as [Float32Array, Float32Array];
    if (isQuantized) expect(Array.from(a)).toEqual(Array.from(e));
    else {
      const scale = 1 + Math.max(...Array.from(e, Math.abs));
      e.forEach((value, i) => {
        expect(Math.abs(a[i] - value) / scale).toBeLessThan(1e-5);
      });
    }
  }
  return before.nodes.length - after.nodes.length;
}

describe("optimize keeps what a graph computes", () => {
  it.each([
    ["float values, up to rounding", false],
    ["quantized values, to the bit", true],
  ])("%s", (_, isQuantized) => {
    let removed = 0;
    for (let seed = 1; seed <= 400; seed++) {
      try {
        removed += compare(seed, isQuantized);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    expect(removed).toBeGreaterThan(400);
  });
});
