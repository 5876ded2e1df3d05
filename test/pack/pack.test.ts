import { describe, expect, test } from "vitest";
import { OP_ADD_QS8, OP_CONV_QS8, OP_COPY, OP_GEMM_QS8 } from "../../assembly/codes.ts";
import { REGION_WEIGHTS } from "../../assembly/format.ts";
import { M_BIAS, M_MAX, M_MIN, M_REQUANT, M_WEIGHTS, Y_IN_STRIDES } from "../../assembly/records.ts";
import { decode } from "../../src/format/decode.ts";
import { type Node, noActivation, type Tensor } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { broadcastStrides, collapse, denseStrides, withBestRows } from "../../src/pack/strides.ts";
import { createWeights } from "../../src/pack/weights.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import {
  activationTensor,
  constantOf,
  convGraph,
  fullyConnectedGraph,
  graphOf,
  node,
  quantization,
  randomFrom,
} from "../helpers/graphs.ts";

const plain = { activation: noActivation };

describe("weights section", () => {
  test("equal blobs are stored once, whatever their type; all are 16-byte aligned", () => {
    const weights = createWeights();
    const a = weights.add(Int8Array.of(1, 2, 3));
    const b = weights.add(Int8Array.of(1, 2, 4));
    expect(weights.add(Int8Array.of(1, 2, 3))).toBe(a);
    expect(weights.add(Uint8Array.of(1, 2, 3))).toBe(a);
    expect(weights.add(Int8Array.of(1, 2, 3, 0))).not.toBe(a);
    expect([a % 16, b % 16]).toEqual([0, 0]);
    const bytes = weights.bytes();
    expect(bytes.length).toBe(48);
    expect([...bytes.slice(b, b + 4)]).toEqual([1, 2, 4, 0]);
  });

  test("two layers with the same weights share them", () => {
    const random = randomFrom(1);
    const { nodes } = fullyConnectedGraph(random, [2], 8, 8, { kind: "int8" });
    const [first] = nodes as [Node];
    const second = {
      ...first,
      inputs: [first.outputs[0]!, ...first.inputs.slice(1)],
      outputs: [{ ...first.outputs[0]!, name: "z" }],
    } as Node;
    const { operators } = decode(pack(graphOf([first, second])).bytes);
    expect(operators.map((o) => o.code)).toEqual([OP_GEMM_QS8, OP_GEMM_QS8]);
    expect(operators[0]!.record.getUint32(M_WEIGHTS, true)).toBe(
      operators[1]!.record.getUint32(M_WEIGHTS, true),
    );
    expect(operators[0]!.record.getUint32(M_REQUANT, true)).not.toBe(
      operators[1]!.record.getUint32(M_REQUANT, true),
    );
  });
});

describe("strides", () => {
  test("dense and broadcast", () => {
    expect(denseStrides([2, 3, 4])).toEqual([12, 4, 1]);
    expect(broadcastStrides([3, 1], [2, 3, 4])).toEqual([0, 1, 0]);
    expect(broadcastStrides([], [2, 3])).toEqual([0, 0]);
  });

  test("collapse merges what all operands walk in one stride, and gives up past its rank", () => {
    expect(
      collapse(
        [2, 3, 4],
        [
          [12, 4, 1],
          [12, 4, 1],
        ],
      ),
    ).toEqual({
      dims: [1, 1, 1, 1, 1, 24],
      strides: [
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 1],
      ],
    });
    expect(
      collapse(
        [2, 3, 4],
        [
          [12, 4, 1],
          [0, 0, 1],
        ],
      ),
    ).toMatchObject({ dims: [1, 1, 1, 1, 6, 4] });
    expect(
      collapse(
        [1, 1],
        [
          [1, 1],
          [1, 1],
        ],
      ),
    ).toMatchObject({ dims: [1, 1, 1, 1, 1, 1] });
    const shape = [2, 2, 2, 2, 2, 2, 2];
    expect(collapse(shape, [denseStrides(shape), denseStrides(shape).reverse()])).toBeNull();
  });
});

test("the same graph gives the same bytes", () => {
  const make = () =>
    pack(convGraph(randomFrom(3), { groups: 2, padding: { top: 1, left: 1, bottom: 1, right: 1 } }), {
      metadata: { a: 1 },
    }).bytes;
  expect(Buffer.compare(make(), make())).toBe(0);
});

test("a 1×1 convolution is a GEMM; a strided or padded one is not", () => {
  const code = (options: Parameters<typeof convGraph>[1]) =>
    decode(pack(convGraph(randomFrom(4), options)).bytes).operators.map((o) => o.code);
  expect(code({ kernel: [1, 1] })).toEqual([OP_GEMM_QS8]);
  expect(code({ kernel: [1, 1], stride: [2, 1] })).toEqual([OP_CONV_QS8]);
  expect(code({ kernel: [1, 1], padding: { top: 0, left: 0, bottom: 1, right: 0 } })).toEqual([OP_CONV_QS8]);
  expect(code({ kernel: [1, 1], groups: 2 })).toEqual([OP_CONV_QS8]);
});

test("fused activations become the record's range", () => {
  const graph = fullyConnectedGraph(randomFrom(5), [1], 3, 4, {
    kind: "int8",
    activation: { min: 0, max: 6 },
  });
  const { scale, zeroPoint } = graph.outputs[0]!.quantization!;
  const { record } = decode(pack(graph).bytes).operators[0]!;
  expect(record.getInt32(M_MIN, true)).toBe(zeroPoint[0]);
  expect(record.getInt32(M_MAX, true)).toBe(Math.min(127, Math.round(6 / scale[0]!) + zeroPoint[0]!));
});

test("a reshape inside costs nothing, and keepAll gives every tensor a place", () => {
  const [x, a, b, y] = ["x", "a", "b", "y"].map((name) =>
    activationTensor(name, "int8", name === "b" ? [6] : [2, 3]),
  );
  const nodes = [
    node("add", [x!, x!], a!, plain),
    node("reshape", [a!], b!, {}),
    node("add", [b!, b!], { ...y!, shape: [6] }, plain),
  ];
  const graph = graphOf(nodes);
  expect(decode(pack(graph).bytes).operators.map((o) => o.code)).toEqual([OP_ADD_QS8, OP_ADD_QS8]);
  const kept = pack(graph, { keepAll: true });
  for (const tensor of [x!, a!, b!, graph.outputs[0]!]) expect(kept.tensorIndex.has(tensor)).toBe(true);
  const places = decode(kept.bytes).tensors.map((t) => t.offset);
  expect(places[kept.tensorIndex.get(a!)!]).toBe(places[kept.tensorIndex.get(b!)!]);
});

test("constants lie among the weights", () => {
  const x = activationTensor("x", "float32", [3]);
  const c = constantOf(activationTensor("c", "float32", [3]), Float32Array.of(1, 2, 3));
  const y = activationTensor("y", "float32", [3]);
  const { tensors } = decode(pack(graphOf([node("add", [x, c], y, plain)])).bytes);
  expect(tensors.find((t) => t.name === "c")!.region).toBe(REGION_WEIGHTS);
});

test("copies walk their longest rows, unless short ones are copied as a whole", () => {
  const loops = (dims: number[], ...strides: number[][]) => withBestRows({ dims, strides });
  expect(loops([50, 3], [1, 50], [3, 1])).toEqual({
    dims: [3, 50],
    strides: [
      [50, 1],
      [1, 3],
    ],
  });
  expect(loops([9, 50, 3], [150, 3, 1], [200, 4, 1])).toEqual({
    dims: [9, 3, 50],
    strides: [
      [150, 1, 3],
      [200, 1, 4],
    ],
  });
  expect(loops([50, 40], [40, 1], [80, 1])).toEqual({
    dims: [50, 40],
    strides: [
      [40, 1],
      [80, 1],
    ],
  });
  expect(loops([50, 40], [1, 50], [40, 1])).toEqual({
    dims: [50, 40],
    strides: [
      [1, 50],
      [40, 1],
    ],
  });
});

test("a transpose of neighbours that stay neighbours takes few loops", () => {
  const x = activationTensor("x", "float32", [2, 3, 4, 5, 6, 7]);
  const y = activationTensor("y", "float32", [5, 6, 7, 2, 3, 4]);
  const [copy] = decode(
    pack(graphOf([node("transpose", [x], y, { perm: [3, 4, 5, 0, 1, 2] })])).bytes,
  ).operators;
  expect(copy!.code).toBe(OP_COPY);
  expect(Array.from({ length: 6 }, (_, i) => copy!.record.getUint32(Y_IN_STRIDES + 4 * i, true))).toEqual([
    0, 0, 0, 0, 210, 1,
  ]);
});

describe("what the engine has no kernel for is refused by operator, node and reason", () => {
  const int8 = (name: string, shape: number[], scale = 0.1) => activationTensor(name, "int8", shape, scale);
  const refused: [string, () => Tensor[] | Node, RegExp][] = [
    [
      "a pool that changes its scale",
      () =>
        node("maxPool2d", [int8("x", [1, 2, 2, 1])], int8("y", [1, 1, 1, 1], 0.2), {
          kernel: [2, 2],
          stride: [1, 1],
          padding: { top: 0, left: 0, bottom: 0, right: 0 },
          ...plain,
        }),
      /maxPool2d "y".*"x" and "y" differ/,
    ],
    [
      "a transpose that changes its scale",
      () => node("transpose", [int8("x", [2, 3])], int8("y", [3, 2], 0.2), { perm: [1, 0] }),
      /transpose "y".*quantize/,
    ],
    [
      "int16 without a scale",
      () =>
        node(
          "add",
          [activationTensor("x", "int16", [2]), activationTensor("x2", "int16", [2])],
          activationTensor("y", "int16", [2]),
          plain,
        ),
      /tensor "x": expected one scale/,
    ],
    [
      "computed weights",
      () => node("fullyConnected", [int8("x", [1, 2]), int8("w", [2, 2]), null], int8("y", [1, 2]), plain),
      /fullyConnected "y".*"w".*computed/,
    ],
    [
      "a concatenation with an activation",
      () =>
        node("concat", [int8("x", [2]), int8("x2", [2])], int8("y", [4]), {
          axis: 0,
          activation: { min: 0, max: 6 },
        }),
      /concat "y".*activation/,
    ],
    [
      "uint8 without a scale",
      () =>
        node(
          "unary",
          [{ name: "x", dtype: "uint8", shape: [2] }],
          { name: "y", dtype: "uint8", shape: [2] },
          { kind: "exp" },
        ),
      /tensor "x": expected one scale/,
    ],
  ];
  test.each(refused)("%s", (_, make, message) => {
    expect(() => pack(graphOf([make() as Node]))).toThrow(message);
  });

  test("weight zero points that differ between channels", () => {
    const graph = fullyConnectedGraph(randomFrom(6), [1], 3, 4, { kind: "int8" });
    const weights = graph.nodes[0]!.inputs[1]!;
    weights.quantization = { ...quantization([0.1, 0.2, 0.3], 0), zeroPoint: Int32Array.of(0, 1, 0) };
    expect(() => pack(graph)).toThrow(/zero points of "w" differ/);
  });

  test("sums that could overflow int32", () => {
    const graph = fullyConnectedGraph(randomFrom(7), [1], 1, 4, { kind: "int8" });
    graph.nodes[0]!.inputs[2]!.data = Int32Array.of(2 ** 31 - 1);
    expect(() => pack(graph)).toThrow(/output channel 0 could overflow/);
  });
});

test("a file packed with and without keepAll computes the same", () => {
  const graph = convGraph(randomFrom(8), { padding: { top: 1, left: 1, bottom: 1, right: 1 } });
  const x = Int8Array.from({ length: 200 }, (_, i) => i * 7);
  const [a, b] = [{}, { keepAll: true }].map(
    (options) => createModel(wasm, pack(graph, options).bytes).run({ x }).y,
  );
  expect(a).toEqual(b);
});

test("biases are one 32-bit value a column, padded to eight", () => {
  const { operators, weightsBytes } = decode(
    pack(fullyConnectedGraph(randomFrom(9), [1], 9, 5, { kind: "int8" })).bytes,
  );
  const at = (field: number) => operators[0]!.record.getUint32(field, true);
  // 9 columns make 2 blocks of 8; 5 values make 2 steps of 4.
  expect(at(M_BIAS) - at(M_WEIGHTS)).toBe(2 * 8 * 2 * 4);
  expect(at(M_REQUANT) - at(M_BIAS)).toBe(64);
  expect(weightsBytes).toBe(128 + 64 + 64);
});
