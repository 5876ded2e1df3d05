import { describe, expect, it } from "vitest";
import { type Graph, type Node, noActivation, type Tensor } from "../../src/graph/graph.ts";
import type { Range } from "../../src/quantize/affine.ts";
import { quantizeStatic, type StaticOptions } from "../../src/quantize/static-int8.ts";
import { activation, constant, convolution, graphOf, operator, pooling } from "./build.ts";

const shape = [1, 4, 4, 2];
const range = (min: number, max: number): Range => ({ min, max });

/** Ranges for every activation: −1…1 unless given by name. */
function rangesOf(graph: Graph, given: Record<string, Range> = {}): Map<Tensor, Range> {
  const tensors = [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)];
  return new Map(tensors.map((tensor) => [tensor, given[tensor.name] ?? range(-1, 1)]));
}

const quantizeGraph = (graph: Graph, given: Record<string, Range> = {}, options: StaticOptions = {}) =>
  quantizeStatic(graph, rangesOf(graph, given), options).graph;

const affine = (tensor: Tensor) => [tensor.quantization!.scale[0], tensor.quantization!.zeroPoint[0]];

/** `op name: input, input -> output` with types, one line per node. */
const outline = ({ nodes }: Graph): string[] => {
  const text = (tensor: Tensor | null) => (tensor ? `${tensor.name}:${tensor.dtype}` : "-");
  return nodes.map(
    ({ op, inputs, outputs }) => `${op} ${inputs.map(text).join(", ")} -> ${outputs.map(text)}`,
  );
};

const conv = (x: Tensor, y: Tensor, bias: Tensor | null = null): Node =>
  operator("conv2d", [x, constant("w", [2, 1, 1, 2], [1, -2, 3, 4]), bias], y, convolution);

/** x → conv a → reshape b → softmax y */
function chain() {
  const [x, a, b, y] = [
    activation("x", shape),
    activation("a", shape),
    activation("b", [1, 32]),
    activation("y", [1, 32]),
  ];
  const nodes = [
    conv(x, a, constant("bias", [2], [0.5, -0.5])),
    operator("reshape", [a], b, {}),
    operator("softmax", [b], y, { beta: 1 }),
  ];
  return { graph: graphOf([x], nodes, [y]), x, a, b, y };
}

describe("quantizeStatic", () => {
  it("puts quantize and dequantize at a float interface, which keeps its names", () => {
    const { graph } = chain();
    const result = quantizeGraph(graph, { a: range(0, 6), b: range(0, 6) });
    expect(outline(result)).toEqual([
      "quantize x:float32 -> x/int8:int8",
      "conv2d x/int8:int8, w:int8, bias:int32 -> a:int8",
      "reshape a:int8 -> b:int8",
      "softmax b:int8 -> y/int8:int8",
      "dequantize y/int8:int8 -> y:float32",
    ]);
    expect(result.inputs.map((t) => t.name)).toEqual(["x"]);
    expect(result.outputs.map((t) => t.name)).toEqual(["y"]);
    const [, a, b, y] = result.nodes.map((node) => node.outputs[0]!);
    expect(affine(a!)).toEqual([Math.fround(6 / 255), -128]);
    expect(affine(b!)).toEqual(affine(a!));
    expect(affine(y!)).toEqual([1 / 256, -128]);
  });

  it("leaves an int8 interface bare", () => {
    const result = quantizeGraph(chain().graph, {}, { io: "int8" });
    expect(outline(result)).toEqual([
      "conv2d x:int8, w:int8, bias:int32 -> a:int8",
      "reshape a:int8 -> b:int8",
      "softmax b:int8 -> y:int8",
    ]);
    expect(result.inputs[0]!.quantization).toBeDefined();
  });

  it("keeps excluded operators float, and those that only pass their values on", () => {
    const { graph } = chain();
    const result = quantizeStatic(graph, rangesOf(graph), { exclude: ["a node"] });
    expect(outline(result.graph)).toEqual([
      "conv2d x:float32, w:float32, bias:float32 -> a:float32",
      "reshape a:float32 -> b:float32",
      "quantize b:float32 -> b/int8:int8",
      "softmax b/int8:int8 -> y/int8:int8",
      "dequantize y/int8:int8 -> y:float32",
    ]);
    expect(result.float).toEqual([
      { node: "a node", reason: "excluded" },
      { node: "b node", reason: 'follows "a node"' },
    ]);
    const last = quantizeGraph(graph, {}, { exclude: ["y node"], io: "int8" });
    expect(outline(last).slice(1)).toEqual([
      "reshape a:int8 -> b:int8",
      "dequantize b:int8 -> b/float32:float32",
      "softmax b/float32:float32 -> y/float32:float32",
      "quantize y/float32:float32 -> y:int8",
    ]);
    expect(() => quantizeGraph(graph, {}, { exclude: ["nope"] })).toThrow(
      'exclude: the graph has no operator "nope"; it has "a node", "b node", "y node"',
    );
  });

  it("changes nothing of what it is given, and gives the same again", () => {
    const { graph } = chain();
    const before = structuredClone(graph);
    const ranges = rangesOf(graph);
    const first = quantizeStatic(graph, ranges);
    expect(graph).toEqual(before);
    expect(quantizeStatic(graph, ranges).graph).toEqual(first.graph);
    for (const node of first.graph.nodes) {
      for (const tensor of node.outputs) tensor.shape.push(7);
      Object.assign(node.attributes, { changed: true });
    }
    expect(graph).toEqual(before);
  });

  it("maps each float activation to the tensor its producer writes", () => {
    const { graph, x, a, y } = chain();
    const { counterparts, graph: result } = quantizeStatic(graph, rangesOf(graph));
    expect(counterparts.get(x)).toBe(result.inputs[0]);
    expect(counterparts.get(a)).toBe(result.nodes[1]!.outputs[0]);
    expect(counterparts.get(y)!.name).toBe("y/int8");
    expect(counterparts.size).toBe(4);
  });

  it("converts a tensor once, however many read it", () => {
    const [x, a, b, y] = [
      activation("x", shape),
      activation("a", shape),
      activation("b", shape),
      activation("y", shape),
    ];
    const nodes = [conv(x, a), conv(x, b), operator("add", [a, b], y, { activation: noActivation })];
    const result = quantizeGraph(graphOf([x], nodes, [y, a]));
    expect(result.nodes.filter(({ op }) => op === "quantize").length).toBe(1);
    expect(result.outputs.map((t) => `${t.name}:${t.dtype}`)).toEqual(["y:float32", "a:float32"]);
  });
});

describe("activation parameters", () => {
  it("are shared through every operator that keeps values", () => {
    const tensors = ["x", "p", "m", "q", "t", "r"].map((name) => activation(name, [1, 2, 2, 1]));
    const [x, p, m, q, t, r] = tensors as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    const nodes = [
      operator("pad", [x], p, { before: [0, 1, 1, 0], after: [0, 1, 1, 0], value: 0 }),
      operator("maxPool2d", [p], m, pooling),
      operator("averagePool2d", [m], q, pooling),
      operator("transpose", [q], t, { perm: [0, 2, 1, 3] }),
      operator("reshape", [t], r, {}),
    ];
    const result = quantizeGraph(graphOf([x], nodes, [r]), { x: range(-3, 5) }, { io: "int8" });
    const all = [result.inputs[0]!, ...result.nodes.map((node) => node.outputs[0]!)];
    for (const tensor of all) expect(affine(tensor)).toEqual([Math.fround(8 / 255), -32]);
  });

  it("cover the value of padding, and saturate infinite padding", () => {
    const [x, p] = [activation("x", [2]), activation("p", [3])];
    const padded = (value: number) =>
      quantizeGraph(
        graphOf([x], [operator("pad", [x], p, { before: [1], after: [0], value })], [p]),
        {},
        { io: "int8" },
      );
    expect(affine(padded(-9).outputs[0]!)[0]).toBe(Math.fround(10 / 255));
    expect(affine(padded(-Infinity).outputs[0]!)[0]).toBe(Math.fround(2 / 255));
  });

  it("are fixed for softmax, logistic and tanh, also behind a reshape", () => {
    const [x, l, t, s, r] = ["x", "l", "t", "s", "r"].map((name) => activation(name, [1, 4]));
    const nodes = [
      operator("unary", [x!], l!, { kind: "logistic" }),
      operator("unary", [l!], t!, { kind: "tanh" }),
      operator("softmax", [t!], s!, { beta: 1 }),
      operator("reshape", [s!], r!, {}),
    ];
    const result = quantizeGraph(graphOf([x!], nodes, [r!]), {}, { io: "int8" });
    expect(result.nodes.map((node) => affine(node.outputs[0]!))).toEqual([
      [1 / 256, -128],
      [1 / 128, 0],
      [1 / 256, -128],
      [1 / 256, -128],
    ]);
  });

  it("refuse padding that a fixed range can't hold", () => {
    const [x, s, p] = [activation("x", [1, 2]), activation("s", [1, 2]), activation("p", [1, 3])];
    const nodes = [
      operator("softmax", [x], s, { beta: 1 }),
      operator("pad", [s], p, { before: [0, 1], after: [0, 0], value: -5 }),
    ];
    expect(() => quantizeGraph(graphOf([x], nodes, [p]))).toThrow(
      /pad "p node": value -5 lies outside 0…0\.99/,
    );
    expect(quantizeGraph(graphOf([x], nodes, [p]), {}, { exclude: ["p node"] }).nodes.at(-1)!.op).toBe("pad");
  });

  it("are one for a concat and the inputs that nothing else reads", () => {
    const [x, a, b, c, s, y] = ["x", "a", "b", "c", "s", "y"].map((name) =>
      activation(name, shape),
    ) as Tensor[];
    const k = constant("k", [1, 1, 1, 2], [0.5, 1]);
    const nodes = [
      conv(x!, a!),
      conv(x!, b!),
      operator("unary", [x!], s!, { kind: "logistic" }),
      operator("concat", [a!, b!, s!, k], y!, { axis: 3, activation: noActivation }),
      conv(b!, c!),
    ];
    const given = { a: range(-2, 2), b: range(-1, 1), y: range(-2, 2) };
    const result = quantizeGraph(graphOf([x!], nodes, [y!, c!]), given, { io: "int8" });
    const concat = result.nodes.find(({ op }) => op === "concat")!;
    const [ca, cb, cs, ck] = concat.inputs as Tensor[];
    const output = affine(concat.outputs[0]!);
    expect(output[0]).toBe(Math.fround(4 / 255));
    expect(affine(ca!)).toEqual(output);
    expect(affine(ck!)).toEqual(output);
    expect(ck!.data).toEqual(Int8Array.from([0.5, 1], (v) => Math.round(v / output[0]!) + output[1]!));
    // b is read by a convolution too, s has fixed parameters.
    expect(affine(cb!)[0]).toBe(Math.fround(2 / 255));
    expect(affine(cs!)[0]).toBe(1 / 256);
  });

  it("take constant operands from their own values", () => {
    const [x, y] = [activation("x", [2]), activation("y", [2])];
    const k = constant("k", [2], [-1, 4]);
    const mul = operator("mul", [x, k], y, { activation: noActivation });
    const operand = quantizeGraph(graphOf([x], [mul], [y])).nodes[1]!.inputs[1]!;
    expect(affine(operand)).toEqual([Math.fround(5 / 255), -77]);
    expect(operand.data).toEqual(Int8Array.of(-128, 127));
    const bad = constant("bad", [2], [1, Infinity]);
    const graph = graphOf([x], [operator("mul", [x, bad], y, { activation: noActivation })], [y]);
    expect(() => quantizeGraph(graph)).toThrow('tensor "bad": element 1 is Infinity, expected finite values');
  });

  it("give constants that are only passed on their output's grid", () => {
    const [x, r, y] = [activation("x", [2]), activation("r", [2]), activation("y", [2])];
    const k = constant("k", [1, 2], [-1, 4]);
    const nodes = [operator("reshape", [k], r, {}), operator("add", [x, r], y, { activation: noActivation })];
    const reshape = quantizeGraph(graphOf([x], nodes, [y]), { r: range(-8, 8) }).nodes.find(
      (n) => n.op === "reshape",
    )!;
    expect(affine(reshape.inputs[0]!)).toEqual(affine(reshape.outputs[0]!));
  });

  it("stay inside the bounds of a fused activation", () => {
    const [x, y] = [activation("x", shape), activation("y", shape)];
    const relu6 = operator("add", [x, x], y, { activation: { min: 0, max: 6 } });
    const result = quantizeGraph(graphOf([x], [relu6], [y]), { y: range(-2, 9) }, { io: "int8" });
    expect(affine(result.outputs[0]!)).toEqual([Math.fround(6 / 255), -128]);
    expect(result.nodes[0]!.attributes).toEqual({ activation: { min: 0, max: 6 } });
  });

  it("have a scale for activations that are always zero", () => {
    const { graph } = chain();
    const result = quantizeGraph(graph, { x: range(0, 0), a: range(0, 0), b: range(0, 0) });
    for (const { inputs, outputs } of result.nodes) {
      for (const tensor of [...inputs, ...outputs]) {
        for (const scale of tensor?.quantization?.scale ?? []) expect(scale).toBeGreaterThan(0);
      }
    }
  });

  it("name the tensor that has no range or an unusable one", () => {
    const { graph, a } = chain();
    const ranges = rangesOf(graph);
    ranges.set(a, range(0, Number.NaN));
    expect(() => quantizeStatic(graph, ranges)).toThrow(/tensor "a": expected a finite range .* found 0…NaN/);
    expect(() => quantizeStatic(graph, new Map())).toThrow(
      'tensor "x": no calibrated range; calibrate this graph first',
    );
  });
});

describe("weights", () => {
  it("run along the output channels of each operator", () => {
    const [x, d, f] = [activation("x", shape), activation("d", shape), activation("f", [1, 3])];
    const dw = constant("dw", [1, 1, 2, 2], [1, 20, -2, 10]);
    const fw = constant(
      "fw",
      [3, 32],
      Float32Array.from({ length: 96 }, (_, i) => (i % 5) - 2),
    );
    const { groups: _, ...window } = convolution;
    const nodes = [
      operator("depthwiseConv2d", [x, dw, null], d, { ...window, multiplier: 1 }),
      operator("fullyConnected", [d, fw, constant("fb", [3], [1, 2, 3])], f, { activation: noActivation }),
    ];
    const graph = graphOf([x], nodes, [f]);
    const result = quantizeGraph(graph, {}, { io: "int8" });
    const [depthwise, full] = result.nodes as [Node, Node];
    expect(depthwise.inputs[1]!.quantization).toMatchObject({
      axis: 3,
      scale: Float32Array.of(2 / 127, 20 / 127),
      zeroPoint: Int32Array.of(0, 0),
    });
    expect(depthwise.inputs[1]!.data).toEqual(Int8Array.of(64, 127, -127, 64));
    expect(depthwise.inputs[2]).toBeNull();
    expect(full.inputs[1]!.quantization!.axis).toBe(0);
    expect(full.inputs[1]!.quantization!.scale.length).toBe(3);
    const [inputScale] = affine(depthwise.outputs[0]!);
    expect(full.inputs[2]!.quantization!.scale[0]).toBe(
      Math.fround(inputScale! * full.inputs[1]!.quantization!.scale[0]!),
    );
    const whole = quantizeGraph(graph, {}, { perTensor: true, io: "int8" });
    expect(whole.nodes[0]!.inputs[1]!.quantization!.scale).toEqual(Float32Array.of(20 / 127));
    expect(whole.nodes[1]!.inputs[2]!.quantization!.scale.length).toBe(1);
  });

  it("that two operators share stay one tensor", () => {
    const [x, a, y] = [activation("x", shape), activation("a", shape), activation("y", shape)];
    const w = constant("w", [2, 1, 1, 2], [1, -2, 3, 4]);
    const nodes = [
      operator("conv2d", [x, w, null], a, convolution),
      operator("conv2d", [a, w, constant("b", [2], [1, 1])], y, convolution),
    ];
    const result = quantizeGraph(graphOf([x], nodes, [y]), {}, { io: "int8" });
    expect(result.nodes[0]!.inputs[1]).toBe(result.nodes[1]!.inputs[1]);
  });

  it("that are computed keep their operator float", () => {
    const [x, w, y] = [activation("x", [1, 4]), activation("w", [2, 4]), activation("y", [1, 2])];
    const full = operator("fullyConnected", [x, w, null], y, { activation: noActivation });
    const graph = graphOf([x, w], [full], [y]);
    const result = quantizeStatic(graph, rangesOf(graph));
    expect(result.float).toEqual([{ node: "y node", reason: "its weights are not constant" }]);
    expect(outline(result.graph)).toEqual(["fullyConnected x:float32, w:float32, - -> y:float32"]);
  });
});

describe("graphs with other types", () => {
  it("keep what is not float32, and what is quantized already", () => {
    const ids: Tensor = { name: "ids", dtype: "int32", shape: [4] };
    const flat: Tensor = { name: "flat", dtype: "int32", shape: [2, 2] };
    const q: Tensor = {
      name: "q",
      dtype: "int8",
      shape: [4],
      quantization: { scale: Float32Array.of(0.1), zeroPoint: Int32Array.of(3), axis: 0 },
    };
    const [x, f, y] = [activation("x", [4]), activation("f", [4]), activation("y", [4])];
    const nodes = [
      operator("reshape", [ids], flat, {}),
      operator("quantize", [x], q, {}),
      operator("dequantize", [q], f, {}),
      operator("add", [f, x], y, { activation: noActivation }),
    ];
    const graph = graphOf([ids, x], nodes, [flat, y]);
    const result = quantizeStatic(graph, new Map([x, f, y].map((tensor) => [tensor, range(-1, 1)])));
    expect(outline(result.graph)).toEqual([
      "reshape ids:int32 -> flat:int32",
      "quantize x:float32 -> q:int8",
      "dequantize q:int8 -> f:float32",
      "quantize f:float32 -> f/int8:int8",
      "quantize x:float32 -> x/int8:int8",
      "add f/int8:int8, x/int8:int8 -> y/int8:int8",
      "dequantize y/int8:int8 -> y:float32",
    ]);
    expect(affine(result.graph.nodes[1]!.outputs[0]!)).toEqual([Math.fround(0.1), 3]);
    expect(result.float.map(({ reason }) => reason)).toEqual([
      '"ids" is int32',
      "already quantized",
      "already quantized",
    ]);
  });
});
