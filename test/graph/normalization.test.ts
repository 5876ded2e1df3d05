import { describe, expect, test } from "vitest";
import { elementCount, type Graph, type Node, noActivation, type Tensor } from "../../src/graph/graph.ts";
import { fuseNormalization } from "../../src/graph/passes/fuse-normalization.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { drawValues, graphOf, randomFrom } from "../helpers/graphs.ts";
import { runReference } from "../reference/run.ts";
import { constant, float, node } from "./build.ts";

type Form = "div" | "rsqrt" | "reciprocal" | "affine" | "rms";

/** The pattern as exporters write it, over the dimension `axis` of `shape`. */
function written(form: Form, shape: number[], axis: number, square: "mul" | "square" | "difference"): Graph {
  const nodes: Node[] = [];
  const one = shape.map((d, i) => (i === axis ? 1 : d));
  const plain = { activation: noActivation };
  const emit = (made: Node): Tensor => {
    nodes.push(made);
    return made.outputs[0];
  };
  const arithmetic = (op: "add" | "sub" | "mul", name: string, a: Tensor, b: Tensor, to = shape) =>
    emit(node(op, [a, b], float(name, to), plain));
  const mean = (name: string, t: Tensor) =>
    emit(node("mean", [t], float(name, one), { axes: [axis], keepDims: true }));
  const unary = (kind: "square" | "sqrt" | "rsqrt" | "reciprocal", t: Tensor) =>
    emit(node("unary", [t], float(kind, t.shape), { kind }));
  const x = float("x", shape);
  const vector = [shape[axis], ...shape.slice(axis + 1)];
  const gamma = constant("gamma", vector);
  const beta = constant("beta", vector);
  const m = mean("m", x);
  const d = form === "rms" ? x : arithmetic("sub", "d", x, m);
  const squared =
    square === "difference"
      ? emit(node("binary", [x, m], float("squared", shape), { kind: "squaredDifference", ...plain }))
      : square === "mul"
        ? arithmetic("mul", "squared", d, d)
        : unary("square", d);
  const e = arithmetic("add", "e", mean("v", squared), constant("eps", [], [0.25]), one);
  let y: Tensor;
  if (form === "affine") {
    const g = arithmetic("mul", "g", unary("rsqrt", e), gamma);
    const shift = arithmetic("sub", "shift", beta, arithmetic("mul", "mg", m, g));
    arithmetic("add", "y", arithmetic("mul", "xg", x, g), shift);
    return { ...graphOf(nodes), outputs: [nodes.at(-1)!.outputs[0]] };
  }
  if (form === "div")
    y = emit(node("binary", [d, unary("sqrt", e)], float("q", shape), { kind: "div", ...plain }));
  else if (form === "reciprocal") y = arithmetic("mul", "q", d, unary("reciprocal", unary("sqrt", e)));
  else y = arithmetic("mul", "q", unary("rsqrt", e), d);
  const scaled = arithmetic("mul", "s", y, gamma);
  return { ...graphOf(nodes), outputs: [form === "rms" ? scaled : arithmetic("add", "y", scaled, beta)] };
}

function expectSame(before: Graph, after: Graph): void {
  const x = drawValues(randomFrom(11), "float32", elementCount(before.inputs[0].shape));
  const [expected, found] = [before, after].map((g) => runReference(g, [x]).get(g.outputs[0])!);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(Number(found[i]) - Number(expected[i]))).toBeLessThan(
      1e-5 * (1 + Math.abs(Number(expected[i]))),
    );
}

const used = (graph: Graph): string[] => graph.nodes.map(({ op }) => op);

describe("fuseNormalization", () => {
  test.each([
    ["div", "mul"],
    ["div", "square"],
    ["rsqrt", "difference"],
    ["rsqrt", "mul"],
    ["reciprocal", "square"],
    ["affine", "difference"],
    ["affine", "mul"],
    ["rms", "square"],
    ["rms", "mul"],
  ] as const)("%s after %s becomes one node", (form, square) => {
    const before = written(form, [2, 3, 7], 2, square);
    expect(used(before)).not.toContain("normalize");
    const after = optimize(before);
    expect(used(after)).toEqual(["normalize"]);
    const [made] = after.nodes;
    expect(made.attributes).toEqual({ centered: form !== "rms", isSum: false, floor: false, epsilon: 0.25 });
    expect(made.inputs.map((t) => t?.name)).toEqual(
      form === "rms" ? ["x", "gamma", undefined] : ["x", "gamma", "beta"],
    );
    expectSame(before, after);
  });

  test("rows in front of dimensions of one element", () => {
    const before = written("div", [2, 7, 1], 1, "mul");
    const after = optimize(before);
    expect(used(after).filter((op) => op !== "reshape")).toContain("normalize");
    expect(used(after)).not.toContain("mean");
    expectSame(before, after);
  });

  test("what only looks like it stays", () => {
    const others: [string, (graph: Graph) => void][] = [
      ["another axis", (graph) => Object.assign(graph, written("div", [2, 7, 3], 1, "mul"))],
      [
        "an epsilon that is no number",
        (graph) => {
          const e = graph.nodes.find((n) => n.outputs[0].name === "e")!;
          e.inputs = [e.inputs[0], constant("eps", [3, 1])];
        },
      ],
    ];
    for (const [what, change] of others) {
      const graph = written("div", [2, 3, 7], 2, "mul");
      change(graph);
      expect(fuseNormalization(graph), what).toBe(false);
    }
  });

  test("a difference from something else is normalized without its mean", () => {
    const graph = written("div", [2, 3, 7], 2, "mul");
    graph.nodes.find((n) => n.outputs[0].name === "m")!.inputs = [constant("other", [2, 3, 7])];
    const after = optimize(graph);
    const made = after.nodes.find((n) => n.op === "normalize")!;
    expect(made.attributes).toMatchObject({ centered: false });
    expect(made.inputs[0]!.name).toBe("d");
    expectSame(graph, after);
  });

  test("a scale that others read too stays beside it", () => {
    const graph = written("rsqrt", [4, 5], 1, "mul");
    const q = graph.nodes.find((n) => n.outputs[0].name === "q")!.outputs[0];
    graph.outputs.push(q);
    const after = optimize(graph);
    expect(used(after)).toContain("normalize");
    const made = after.nodes.find((n) => n.op === "normalize")!;
    expect(made.inputs.slice(1)).toEqual([null, null]);
    expectSame(graph, after);
  });
});
