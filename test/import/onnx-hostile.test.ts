/** Files of a few bytes that ask for much: refused before the memory is taken. Damage by chance is in test/fuzz. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import type { TensorData } from "../../src/graph/graph.ts";
import { foldConstants } from "../../src/graph/passes/fold-constants.ts";
import { createWeights } from "../../src/pack/weights.ts";
import { constant, float, graph, node, plain } from "../graph/build.ts";
import { floats, ints, type NodeSpec, onnxFunction, onnxModel } from "../helpers/onnx-builder.ts";
import { open, refusal } from "./onnx-open.ts";

const x = { name: "x", shape: [1] };

/** Nodes that make a large constant each, added up. */
const adding = (count: number, make: (i: number) => NodeSpec): NodeSpec[] => [
  ...Array.from({ length: count }, (_, i) => make(i)),
  {
    op: "Concat",
    inputs: Array.from({ length: count }, (_, i) => `c${i}`),
    outputs: ["y"],
    attributes: { axis: 0 },
  },
];

describe("constants", () => {
  it("that grow out of few nodes are refused together, however small each is", () => {
    const nodes = adding(100, (i) => ({ op: "ConstantOfShape", inputs: ["size"], outputs: [`c${i}`] }));
    const bytes = onnxModel({
      nodes,
      inputs: [x],
      outputs: [{ name: "y" }],
      initializers: [ints("size", [1 << 20])],
    });
    const { code, message } = refusal(() => open(bytes));
    expect(code).toBe("bad-file");
    expect(message).toMatch(/ConstantOfShape → "c\d+": expected constants that fit the file/);
  });

  it("of one node are refused where they alone are too large", () => {
    const nodes: NodeSpec[] = [{ op: "Expand", inputs: ["one", "size"], outputs: ["y"] }];
    const initializers = [floats("one", [1]), ints("size", [1 << 13, 1 << 13])];
    const bytes = onnxModel({ nodes, inputs: [x], outputs: [{ name: "y" }], initializers });
    expect(refusal(() => open(bytes)).message).toMatch(/expected a constant of at most 16777216 elements/);
  });

  it("that a function makes are counted at every call", () => {
    const value = { dims: [1 << 16], type: "float" as const, raw: new Uint8Array(4 << 16) };
    const made = onnxFunction({
      name: "F",
      domain: "mine",
      inputs: ["a"],
      outputs: ["b"],
      nodes: [
        { op: "Constant", outputs: ["c"], attributes: { value: { tensor: value } } },
        { op: "Mul", inputs: ["a", "c"], outputs: ["b"] },
      ],
      opset: 13,
    });
    const nodes = Array.from({ length: 1000 }, (_, i) => ({
      op: "F",
      domain: "mine",
      inputs: [i ? `t${i - 1}` : "x"],
      outputs: [`t${i}`],
    }));
    const bytes = onnxModel({
      nodes,
      inputs: [x],
      outputs: [{ name: "t999" }],
      functions: [made],
      domains: { mine: 1 },
    });
    expect(refusal(() => open(bytes)).message).toMatch(/expected constants that fit the file/);
  });

  it("that many operators read are permuted once", () => {
    const nodes = Array.from({ length: 300 }, (_, i) => ({
      op: "MatMul",
      inputs: [i ? `t${i - 1}` : "x", "w"],
      outputs: [`t${i}`],
    }));
    const bytes = onnxModel({
      nodes,
      inputs: [{ name: "x", shape: [1, 512] }],
      outputs: [{ name: "t299" }],
      initializers: [{ name: "w", dims: [512, 512], type: "float", raw: new Uint8Array(4 << 18) }],
    });
    const weights = open(bytes).nodes.map(({ inputs }) => inputs[1]!.data);
    expect(weights).toHaveLength(300);
    expect(new Set<TensorData | undefined>(weights).size).toBe(1);
  });

  it("that passes would make stop where they would be too large together", () => {
    const wide = (name: string) => float(name, [1 << 11, 1 << 11]);
    const row = constant("row", [1 << 11]);
    const column = constant("column", [1 << 11, 1]);
    const outputs = Array.from({ length: 8 }, (_, i) => wide(`y${i}`));
    const nodes = outputs.flatMap((y, i) => {
      const sum = wide(`sum${i}`);
      return [node("add", [row, column], sum, plain), node("mul", [sum, wide("x")], y, plain)];
    });
    const made = graph([wide("x")], nodes, outputs);
    expect(foldConstants(made)).toBe(true);
    // 16 MiB each: four of them fit 64 MiB and a little.
    expect(made.nodes.filter(({ op }) => op === "add")).toHaveLength(4);
    expect(foldConstants(made)).toBe(false);
  });

  it("whose packed forms differ by operator are refused when there are too many", () => {
    const weights = createWeights(1 << 10);
    const offset = weights.add(new Float32Array(128));
    expect(weights.add(new Float32Array(128))).toBe(offset);
    const { code, message } = refusal(() => weights.add(new Float32Array(129)));
    expect(code).toBe("unsupported");
    expect(message).toMatch(/at most 1024 bytes .* too many operators share a constant/);
  });
});

describe("nodes", () => {
  it("that functions call again and again are refused", () => {
    const doubling = Array.from({ length: 16 }, (_, i) =>
      onnxFunction({
        name: `F${i}`,
        domain: "mine",
        inputs: ["a"],
        outputs: ["b"],
        nodes:
          i === 15
            ? [{ op: "Relu", inputs: ["a"], outputs: ["b"] }]
            : ["a", "m0", "m1", "m2"].map((from, k) => ({
                op: `F${i + 1}`,
                domain: "mine",
                inputs: [from],
                outputs: [k === 3 ? "b" : `m${k}`],
              })),
        opset: 13,
      }),
    );
    const bytes = onnxModel({
      nodes: [{ op: "F0", domain: "mine", inputs: ["x"], outputs: ["y"] }],
      inputs: [x],
      outputs: [{ name: "y" }],
      functions: doubling,
      domains: { mine: 1 },
    });
    expect(refusal(() => open(bytes)).message).toMatch(/functions of more than 65536 nodes once inlined/);
  });

  it("and tensors of no bytes are damage, in whatever number", () => {
    for (const field of [1, 5, 11, 12]) {
      const inner = new BinaryWriter();
      for (let i = 0; i < 100_000; i++) inner.tag(field, WireType.LengthDelimited).bytes(new Uint8Array());
      const bytes = new BinaryWriter().tag(7, WireType.LengthDelimited).bytes(inner.finish()).finish();
      const { code, message } = refusal(() => open(bytes));
      expect(code).toBe("bad-file");
      expect(message).toMatch(/expected at least 8 bytes for each/);
    }
  });
});

it("whole numbers are not given to functions of real ones", () => {
  const nodes: NodeSpec[] = [
    { op: "Sqrt", inputs: ["c"], outputs: ["r"] },
    { op: "Neg", inputs: ["c"], outputs: ["n"] },
    { op: "Add", inputs: ["n", "n"], outputs: ["y"] },
  ];
  const bytes = onnxModel({
    nodes,
    inputs: [x],
    outputs: [{ name: "y" }, { name: "r" }],
    initializers: [ints("c", [12])],
  });
  const { code, message } = refusal(() => open(bytes));
  expect(code).toBe("unsupported");
  expect(message).toMatch(/Sqrt of a constant int64/);
});
