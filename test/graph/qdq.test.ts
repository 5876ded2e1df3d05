import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/graph/graph.ts";
import { removeDeadCode } from "../../src/graph/passes/dead-code.ts";
import { foldDequantize } from "../../src/graph/passes/fold-dequantize.ts";
import { foldQdq } from "../../src/graph/passes/fold-qdq.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { floats, type NodeSpec, onnxModel, type TensorSpec } from "../helpers/onnx-builder.ts";
import { runReference } from "../reference/run.ts";
import { float, graph, int8, lines, node, plain, window } from "./build.ts";

/** float of `name` after a dequantize, and the node. */
const real = (q: Tensor) => {
  const output = float(`${q.name}/real`, q.shape);
  return { output, node: node("dequantize", [q], output, {}) };
};

const folded = (g: ReturnType<typeof graph>): string[] => {
  foldQdq(g);
  removeDeadCode(g);
  return lines(g);
};

const weights: Tensor = {
  name: "w",
  dtype: "int8",
  shape: [2, 1, 1, 2],
  data: Int8Array.of(1, 2, 3, 4),
  quantization: { scale: Float32Array.of(0.5, 0.25), zeroPoint: Int32Array.of(0, 0), axis: 0 },
};

const bias = (scale: number[], dtype: "int32" | "int8" = "int32"): Tensor => ({
  name: "b",
  dtype,
  shape: [2],
  data: Int32Array.of(7, 8),
  quantization: { scale: Float32Array.from(scale), zeroPoint: new Int32Array(scale.length), axis: 0 },
});

describe("foldQdq", () => {
  const conv = (b: Tensor | null) => {
    const [x, y] = [int8("x", [1, 1, 1, 2], 0.5), int8("y", [1, 1, 1, 2], 0.125, -3)];
    const [rx, rw] = [real(x), real(weights)];
    const rb = b && real(b);
    const f = float("f", [1, 1, 1, 2]);
    return graph(
      [x],
      [
        rx.node,
        rw.node,
        ...(rb ? [rb.node] : []),
        node("conv2d", [rx.output, rw.output, rb?.output ?? null], f, { ...window, groups: 1 }),
        node("quantize", [f], y, {}),
      ],
      [y],
    );
  };

  it("makes a convolution of integers with the source's parameters", () => {
    const g = conv(bias([0.25, 0.125]));
    expect(folded(g)).toEqual(["y [1,1,1,2] = conv2d(x, w*, b*)"]);
    expect(g.nodes[0].inputs[1]!.quantization).toBe(weights.quantization);
    expect(g.nodes[0].outputs[0]).toBe(g.outputs[0]);
    expect(folded(conv(null))).toEqual(["y [1,1,1,2] = conv2d(x, w*, –)"]);
  });

  it("leaves a bias that does not count in units of the accumulator", () => {
    expect(foldQdq(conv(bias([0.25, 0.25])))).toBe(false);
    expect(foldQdq(conv(bias([0.25, 0.125], "int8")))).toBe(false);
  });

  it("folds arithmetic, and moves with a requantization where parameters differ", () => {
    const [a, b] = [int8("a", [1, 2], 0.5), int8("b", [1, 2], 0.25)];
    const [sum, flat] = [int8("sum", [1, 2], 0.75), int8("flat", [2], 0.125)];
    const [ra, rb, rs] = [real(a), real(b), real(sum)];
    const [f, g] = [float("f", [1, 2]), float("g", [2])];
    const before = graph(
      [a, b],
      [
        ra.node,
        rb.node,
        node("add", [ra.output, rb.output], f, plain),
        node("quantize", [f], sum, {}),
        rs.node,
        node("reshape", [rs.output], g, {}),
        node("quantize", [g], flat, {}),
      ],
      [flat],
    );
    expect(folded(before)).toEqual([
      "sum [1,2] = add(a, b)",
      "g [2] = reshape(sum)",
      "flat [2] = quantize(g)",
    ]);
    expect(before.nodes[1].outputs[0].quantization).toEqual(sum.quantization);
  });

  it("requantizes the operands of a concat that have other parameters", () => {
    const [a, b, y] = [int8("a", [1, 2], 0.5), int8("b", [1, 2], 0.25), int8("y", [1, 4], 0.5)];
    const [ra, rb] = [real(a), real(b)];
    const f = float("f", [1, 4]);
    const g = graph(
      [a, b],
      [
        ra.node,
        rb.node,
        node("concat", [ra.output, rb.output], f, { axis: 1, ...plain }),
        node("quantize", [f], y, {}),
      ],
      [y],
    );
    expect(folded(g)).toEqual([
      "b/real/quantize [1,2] = quantize(b)",
      "y [1,4] = concat(a, b/real/quantize)",
    ]);
  });

  it("keeps float what others read, an average with other parameters and a softmax", () => {
    const x = int8("x", [1, 4, 4, 1], 0.5);
    const rx = real(x);
    const [f, s] = [float("f", [1, 4, 4, 1]), float("s", [1, 4, 4, 1])];
    const [y, z] = [int8("y", [1, 4, 4, 1], 0.25), int8("z", [1, 4, 4, 1], 0.25)];
    const g = graph(
      [x],
      [
        rx.node,
        node("averagePool2d", [rx.output], f, { ...window, kernel: [1, 1], countIncludePad: false }),
        node("quantize", [f], y, {}),
        node("softmax", [rx.output], s, { beta: 1 }),
        node("quantize", [s], z, {}),
      ],
      [y, z],
    );
    expect(foldQdq(g)).toBe(false);
    const shared = graph(
      [x],
      [rx.node, node("unary", [rx.output], f, { kind: "abs" }), node("quantize", [f], y, {})],
      [y, f],
    );
    expect(foldQdq(shared)).toBe(false);
  });

  it("joins quantize(dequantize(x))", () => {
    const [x, y, z] = [int8("x", [2], 0.5), int8("y", [2], 0.25), int8("z", [2], 0.25)];
    const [rx, ry] = [real(x), real(y)];
    const g = graph(
      [x],
      [rx.node, node("quantize", [rx.output], y, {}), ry.node, node("quantize", [ry.output], z, {})],
      [z],
    );
    expect(folded(g)).toEqual(["z [2] = quantize(x)"]);
  });
});

describe("foldDequantize", () => {
  it("makes constants real, per channel", () => {
    const [x, y] = [float("x", [2, 1, 1, 2]), float("y", [2, 1, 1, 2])];
    const q = { scale: Float32Array.of(0.5, 0.25), zeroPoint: Int32Array.of(-1, 1), axis: 0 };
    const rw = real({ ...weights, quantization: q });
    const g = graph([x], [rw.node, node("add", [x, rw.output], y, plain)], [y]);
    expect(foldDequantize(g)).toBe(true);
    expect(lines(g)).toEqual(["y [2,1,1,2] = add(x, w/real*)"]);
    expect(Array.from(g.nodes[0].inputs[1]!.data as Float32Array)).toEqual([1, 1.5, 0.5, 0.75]);
  });
});

describe("a QDQ model", () => {
  const scale = (name: string, value: number[]): TensorSpec =>
    floats(name, value.length > 1 ? [value.length] : [], value);
  const zero = (name: string, value: number[], type: "int8" | "int32" = "int8"): TensorSpec => ({
    name,
    dims: value.length > 1 ? [value.length] : [],
    type,
    int32s: value,
  });
  const q = (from: string, to: string, s: string): NodeSpec => ({
    op: "QuantizeLinear",
    inputs: [from, s, `${s}z`],
    outputs: [to],
  });
  const dq = (from: string, to: string, s: string, axis?: number): NodeSpec => ({
    op: "DequantizeLinear",
    inputs: [from, s, `${s}z`],
    outputs: [to],
    ...(axis !== undefined && { attributes: { axis } }),
  });
  const random = (() => {
    let state = 7;
    return () => (state = (Math.imul(1664525, state) + 1013904223) >>> 0) / 2 ** 32;
  })();
  const small = (n: number) => Array.from({ length: n }, () => Math.floor(random() * 200) - 100);

  const model = onnxModel({
    nodes: [
      q("x", "xq", "sx"),
      dq("xq", "xd", "sx"),
      dq("w", "wd", "sw", 0),
      dq("b", "bd", "sb", 0),
      { op: "Conv", inputs: ["xd", "wd", "bd"], outputs: ["c"], attributes: { pads: [1, 1, 1, 1] } },
      { op: "Relu", inputs: ["c"], outputs: ["r"] },
      q("r", "rq", "sr"),
      dq("rq", "rd", "sr"),
      {
        op: "MaxPool",
        inputs: ["rd"],
        outputs: ["p"],
        attributes: { kernel_shape: [2, 2], strides: [2, 2] },
      },
      { op: "Flatten", inputs: ["p"], outputs: ["f"] },
      q("f", "fq", "sr"),
      dq("fq", "fd", "sr"),
      dq("v", "vd", "sv"),
      { op: "Gemm", inputs: ["fd", "vd"], outputs: ["g"], attributes: { transB: 1 } },
      q("g", "gq", "sg"),
      dq("gq", "y", "sg"),
    ],
    inputs: [{ name: "x", shape: [1, 2, 4, 4] }],
    outputs: [{ name: "y" }],
    initializers: [
      scale("sx", [0.02]),
      zero("sxz", [-5]),
      scale("sw", [0.01, 0.02, 0.03]),
      zero("swz", [0, 0, 0]),
      scale("sb", [0.02 * 0.01, 0.02 * 0.02, 0.02 * 0.03]),
      zero("sbz", [0, 0, 0], "int32"),
      scale("sr", [0.05]),
      zero("srz", [-128]),
      scale("sv", [0.02]),
      zero("svz", [0]),
      scale("sg", [0.5]),
      zero("sgz", [3]),
      { name: "w", dims: [3, 2, 3, 3], type: "int8", int32s: small(54) },
      { name: "b", dims: [3], type: "int32", int32s: [100, -2000, 3000] },
      { name: "v", dims: [4, 12], type: "int8", int32s: small(48) },
    ],
  });

  it("becomes integer from quantize to dequantize, and gives what its float form gives to one step", () => {
    const imported = importOnnx(model, { file: "qdq.onnx" });
    const integer = optimize(imported);
    expect(integer.nodes.map((n) => `${n.op}:${n.outputs[0].dtype}`)).toEqual([
      "quantize:int8",
      "transpose:int8",
      "conv2d:int8",
      "maxPool2d:int8",
      "reshape:int8",
      "fullyConnected:int8",
      "dequantize:float32",
    ]);
    const x = Float32Array.from({ length: 32 }, () => random() * 4 - 2);
    foldDequantize(imported);
    const [expected, actual] = [imported, integer].map(
      (g) => runReference(g, [x]).get(g.outputs[0]) as Float32Array,
    );
    expect(new Set(expected).size).toBeGreaterThan(2);
    actual.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(0.5);
    });
  });
});
