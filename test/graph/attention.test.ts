import { describe, expect, it } from "vitest";
import type { Node, Tensor } from "../../src/graph/graph.ts";
import { absorbTransposeIntoMatmul } from "../../src/graph/passes/absorb-transpose-into-matmul.ts";
import { removeDeadCode } from "../../src/graph/passes/dead-code.ts";
import { fuseSoftmaxScale } from "../../src/graph/passes/fuse-softmax-scale.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { floats, ints, type NodeSpec, onnxModel } from "../helpers/onnx-builder.ts";
import { open } from "../import/onnx-open.ts";
import { runReference } from "../reference/run.ts";
import { attributesOf, constant, float, graph, lines, node, plain } from "./build.ts";

describe("absorbTransposeIntoMatmul", () => {
  const [q, k, kt, y] = [
    float("q", [2, 3, 4]),
    float("k", [2, 5, 4]),
    float("kt", [2, 4, 5]),
    float("y", [2, 3, 5]),
  ];
  const flags = { transposeA: false, transposeB: false };

  it("reads the second operand the other way round", () => {
    const g = graph(
      [q, k],
      [
        node("transpose", [k], kt, { perm: [0, 2, 1] }),
        node("matmul", [q, kt, null], y, { ...flags, ...plain }),
      ],
      [y],
    );
    expect(absorbTransposeIntoMatmul(g)).toBe(true);
    removeDeadCode(g);
    expect(lines(g)).toEqual(["y [2,3,5] = matmul(q, k, –)"]);
    expect(attributesOf(g, "y")).toMatchObject({ transposeA: false, transposeB: true });
    expect(absorbTransposeIntoMatmul(g)).toBe(false);
  });

  it("leaves a first operand, and an exchange of other dimensions", () => {
    const qt = float("qt", [2, 4, 3]);
    const first = graph(
      [qt, kt],
      [
        node("transpose", [qt], q, { perm: [0, 2, 1] }),
        node("matmul", [q, kt, null], y, { ...flags, ...plain }),
      ],
      [y],
    );
    expect(absorbTransposeIntoMatmul(first)).toBe(false);
    const wide = float("wide", [4, 2, 5]);
    const other = graph(
      [q, wide],
      [
        node("transpose", [wide], kt, { perm: [1, 0, 2] }),
        node("matmul", [q, kt, null], y, { ...flags, ...plain }),
      ],
      [y],
    );
    expect(absorbTransposeIntoMatmul(other)).toBe(false);
  });
});

describe("fuseSoftmaxScale", () => {
  const [x, scaled, wide, y] = [
    float("x", [2, 3]),
    float("scaled", [2, 3]),
    float("wide", [1, 2, 3]),
    float("y", [1, 2, 3]),
  ];
  const behind: Node[] = [node("reshape", [scaled], wide, {}), node("softmax", [wide], y, { beta: 1 })];
  const build = (scaling: Node, outputs: Tensor[] = [y]) =>
    graph([x], [scaling, ...behind.map((n) => ({ ...n, inputs: [...n.inputs] }) as Node)], outputs);

  it.each<[string, Node, number]>([
    ["a factor", node("mul", [x, constant("half", [], [0.5])], scaled, plain), 0.5],
    ["a factor in front", node("mul", [constant("half", [1], [0.5]), x], scaled, plain), 0.5],
    ["a divisor", node("binary", [x, constant("four", [], [4])], scaled, { kind: "div", ...plain }), 0.25],
  ])("%s becomes beta, through a reshape", (_, scaling, beta) => {
    const g = build(scaling);
    const values = Float32Array.of(1, -2, 3, 0.5, 100, -7);
    const before = runReference(g, [values]).get(y) as Float32Array;
    expect(fuseSoftmaxScale(g)).toBe(true);
    expect(lines(g)).toEqual(["wide [1,2,3] = reshape(x)", "y [1,2,3] = softmax(wide)"]);
    expect(attributesOf(g, "y")).toEqual({ beta });
    const after = runReference(g, [values]).get(y) as Float32Array;
    after.forEach((v, i) => {
      expect(Math.abs(v - before[i]!)).toBeLessThan(1e-6);
    });
    expect(fuseSoftmaxScale(g)).toBe(false);
  });

  it("leaves what is not one number above 0, and what others read", () => {
    const negative = node("mul", [x, constant("minus", [], [-1])], scaled, plain);
    const several = node("mul", [x, constant("three", [3])], scaled, plain);
    const inverse = node("binary", [constant("one", [], [1]), x], scaled, { kind: "div", ...plain });
    for (const scaling of [negative, several, inverse]) expect(fuseSoftmaxScale(build(scaling))).toBe(false);
    const half = node("mul", [x, constant("half", [], [0.5])], scaled, plain);
    expect(fuseSoftmaxScale(build(half, [scaled, y]))).toBe(false);
  });
});

describe("attention as exporters write it", () => {
  const one = (
    op: string,
    inputs: string[],
    output: string,
    attributes: NodeSpec["attributes"] = {},
  ): NodeSpec => ({
    op,
    inputs,
    outputs: [output],
    attributes,
  });
  const model = onnxModel({
    nodes: [
      ...["q", "k", "v"].flatMap((name) => [
        one("MatMul", ["x", `w${name}`], `${name}0`),
        one("Add", [`${name}0`, "b"], `${name}1`),
        one("Reshape", [`${name}1`, "heads"], `${name}2`),
        one("Transpose", [`${name}2`], name, { perm: [0, 2, 1, 3] }),
      ]),
      one("Transpose", ["k"], "kt", { perm: [0, 1, 3, 2] }),
      one("MatMul", ["q", "kt"], "scores"),
      one("Div", ["scores", "root"], "scaled"),
      one("Softmax", ["scaled"], "weights", { axis: -1 }),
      one("MatMul", ["weights", "v"], "mixed"),
      one("Transpose", ["mixed"], "back", { perm: [0, 2, 1, 3] }),
      one("Reshape", ["back", "flat"], "out"),
      one("MatMul", ["out", "wo"], "o"),
      one("Add", ["o", "b"], "projected"),
      one("Add", ["projected", "x"], "y"),
    ],
    inputs: [{ name: "x", shape: [1, 3, 4] }],
    outputs: [{ name: "y" }],
    initializers: [
      ...["wq", "wk", "wv", "wo"].map((name, n) =>
        floats(
          name,
          [4, 4],
          Array.from({ length: 16 }, (_, i) => ((i * (n + 3)) % 7) / 5 - 0.6),
        ),
      ),
      floats("b", [4], [0.1, -0.2, 0.3, -0.4]),
      ints("heads", [0, 0, 2, 2]),
      ints("flat", [0, 0, -1]),
      floats("root", [], [Math.SQRT2]),
    ],
  });

  it("keeps projections, two products and a softmax; scale and bias are inside them", () => {
    const before = open(model);
    const after = optimize(before);
    const count = (op: string) => after.nodes.filter((n) => n.op === op).length;
    expect(["fullyConnected", "matmul", "softmax", "add"].map(count)).toEqual([4, 2, 1, 1]);
    expect(["mul", "binary"].map(count)).toEqual([0, 0]);
    const x = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
    const [expected, found] = [before, after].map(
      (g) => runReference(g, [x]).get(g.outputs[0]!) as Float32Array,
    );
    found!.forEach((v, i) => {
      expect(Math.abs(v - expected![i]!)).toBeLessThan(1e-5);
    });
  });
});
