import { describe, expect, test } from "vitest";
import {
  arrayOf,
  type DType,
  elementCount,
  type Graph,
  noActivation,
  type Rounding,
  type Tensor,
  type TensorData,
} from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { activationTensor, caseOf, graphOf, type Kind, node, randomFrom } from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const kinds: Kind[] = ["int8", "uint8", "float32"];
let seed = 6000;

const check = (graph: Graph, label = ""): void =>
  expectExact(caseOf(randomFrom(seed++), graph, "special"), label);

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((p) =>
    Array.from({ length: n }, (_, i) => [...p.slice(0, i), n - 1, ...p.slice(i)]),
  );
}

describe.each(kinds)("transpose of %s", (kind) => {
  test("every permutation up to rank 4, many of rank 5", () => {
    for (let rank = 1; rank <= 5; rank++)
      for (const [i, perm] of permutations(rank).entries()) {
        if (rank === 5 && i % 3) continue;
        const shape = [2, 3, 5, 4, 3].slice(0, rank);
        const x = activationTensor("x", kind, shape);
        const y = activationTensor(
          "y",
          kind,
          perm.map((axis) => shape[axis]!),
        );
        check(graphOf([node("transpose", [x], y, { perm })]), `${perm}`);
      }
  });
});

describe.each(["uint8", "int16", "int32", "int64", "bool"] as DType[])("plain %s moves too", (dtype) => {
  const plain = (name: string, shape: number[]): Tensor => ({ name, dtype, shape });
  const drawn = (tensor: Tensor): TensorData => {
    const random = randomFrom(seed++);
    const values = Array.from({ length: elementCount(tensor.shape) }, () =>
      dtype === "bool" ? random.int(0, 1) : random.int(-(2 ** 31), 2 ** 31 - 1),
    );
    if (dtype === "int64") return BigInt64Array.from(values, (v) => BigInt(v) * 0x12345n);
    return (arrayOf(dtype) as typeof Int32Array).from(values);
  };
  const checkPlain = (graph: Graph): void => expectExact({ graph, inputs: graph.inputs.map(drawn) });

  test("slice, backwards too, and expand", () => {
    const x = plain("x", [3, 1, 7]);
    const part = plain("part", [2, 1, 4]);
    const y = plain("y", [2, 3, 4]);
    checkPlain(
      graphOf([
        node("slice", [x], part, { begin: [2, 0, 6], stride: [-1, 1, -2] }),
        node("expand", [part], y, {}),
      ]),
    );
  });

  test.each([0, 1, -1, 77])("pad with %i", (value) => {
    if (dtype === "bool" && (value < 0 || value > 1)) return;
    const x = plain("x", [3, 5]);
    const y = plain("y", [6, 6]);
    const graph = graphOf([node("pad", [x], y, { before: [1, 0], after: [2, 1], value })]);
    if (dtype === "uint8" && value < 0) expect(() => pack(graph)).toThrow(/value -1 for uint8 "y"/);
    else checkPlain(graph);
  });

  test("concat", () => {
    const parts = [plain("a", [2, 3]), plain("b", [2, 1]), plain("c", [2, 4])];
    checkPlain(graphOf([node("concat", parts, plain("y", [2, 8]), { axis: 1, activation: noActivation })]));
  });

  test("transpose and reshape", () => {
    const x = activationTensor("x", dtype, [3, 7]);
    const t = activationTensor("t", dtype, [7, 3]);
    const y = activationTensor("y", dtype, [21]);
    const graph = graphOf([node("transpose", [x], t, { perm: [1, 0] }), node("reshape", [t], y, {})]);
    const values = Array.from({ length: 21 }, (_, i) => i * 7);
    const data = (
      dtype === "int64"
        ? BigInt64Array.from(values, BigInt)
        : (arrayOf(dtype) as typeof Int32Array).from(values)
    ) as TensorData;
    expectExact({ graph, inputs: [data] });
  });
});

describe.each(kinds)("pad of %s", (kind) => {
  test.each(["single", "double"] as Rounding[])("every side, values, %s", (rounding) => {
    const amounts: [number[], number[], number[]][] = [
      [[5], [2], [3]],
      [
        [3, 4],
        [0, 1],
        [2, 0],
      ],
      [
        [2, 3, 4, 5],
        [0, 1, 2, 0],
        [0, 2, 1, 0],
      ],
      [
        [2, 3, 2, 3],
        [1, 1, 1, 1],
        [1, 1, 1, 1],
      ],
      [
        [2, 2],
        [0, 0],
        [0, 0],
      ],
    ];
    for (const [shape, before, after] of amounts)
      for (const value of [
        0,
        1.5,
        -2.25,
        1000,
        -1000,
        ...(kind === "float32" ? [-0, Infinity, Number.NaN] : [0.025, 0.075, -0.025]),
      ]) {
        const x = activationTensor("x", kind, shape, 0.05, kind === "uint8" ? 11 : -11);
        const y = activationTensor(
          "y",
          kind,
          shape.map((n, i) => n + before[i]! + after[i]!),
          0.05,
          kind === "uint8" ? 11 : -11,
        );
        check(
          graphOf([node("pad", [x], y, { before, after, value })], rounding),
          `${kind} ${value} ${shape}`,
        );
      }
  });
});

describe.each(kinds)("concat of %s", (kind) => {
  const low = kind === "uint8" ? 128 : 0;
  test.each([0, 1, 2, 3])("along axis %i, equal and different scales", (axis) => {
    for (const scales of [
      [0.05, 0.05, 0.05],
      [0.05, 0.021, 0.09],
      [0.05, 0.8, 0.0004],
    ]) {
      const parts = scales.map((scale, i) => {
        const shape = [2, 3, 4, 5];
        shape[axis] = 1 + i * 2;
        return activationTensor(`x${i}`, kind, shape, scale, low + (scale === 0.05 ? 4 : i * 30 - 20));
      });
      const shape = [2, 3, 4, 5];
      shape[axis] = parts.reduce((n, p) => n + p.shape[axis]!, 0);
      const y = activationTensor("y", kind, shape, 0.05, low + 4);
      check(
        graphOf([node("concat", parts, y, { axis, activation: noActivation })]),
        `axis ${axis} of ${scales}`,
      );
    }
  });
});

describe.each(kinds)("reshape of %s", (kind) => {
  test("between an input and an output, inside, and of a constant", () => {
    const x = activationTensor("x", kind, [3, 4]);
    const middle = activationTensor("middle", kind, [2, 6]);
    const sum = activationTensor("sum", kind, [2, 6]);
    const y = activationTensor("y", kind, [12]);
    check(graphOf([node("reshape", [x], y, {})]));
    check(
      graphOf([
        node("reshape", [x], middle, {}),
        node("add", [middle, middle], sum, { activation: noActivation }),
        node("reshape", [sum], y, {}),
      ]),
    );
    const constant = {
      ...activationTensor("c", kind, [12]),
      data: (arrayOf(kind) as typeof Int8Array).from({ length: 12 }, (_, i) => i * 3),
    };
    const shaped = activationTensor("shaped", kind, [3, 4]);
    check(
      graphOf(
        [
          node("reshape", [constant], shaped, {}),
          node("add", [x, shaped], middle, { activation: noActivation }),
        ].map((n) => n),
      ),
    );
  });
});

describe.each(kinds)("slice of %s", (kind) => {
  test("every start, end and stride of a dimension, inside others", () => {
    for (const shape of [[9], [3, 9], [9, 5], [2, 9, 3]])
      for (const axis of [0, 1, 2].filter((a) => shape[a] === 9))
        for (const stride of [1, 2, 3, 8, -1, -2, -5])
          for (let begin = 0; begin < 9; begin += axis === 1 ? 3 : 1) {
            const most = Math.floor((stride > 0 ? 8 - begin : begin) / Math.abs(stride)) + 1;
            for (const count of new Set([1, Math.ceil(most / 2), most])) {
              const x = activationTensor("x", kind, shape);
              const y = activationTensor(
                "y",
                kind,
                shape.map((n, i) => (i === axis ? count : n)),
              );
              const attributes = {
                begin: shape.map((_, i) => (i === axis ? begin : 0)),
                stride: shape.map((_, i) => (i === axis ? stride : 1)),
              };
              const label = `${shape} axis ${axis}: ${count} from ${begin} by ${stride}`;
              check(graphOf([node("slice", [x], y, attributes)]), label);
            }
          }
  });

  test("all dimensions backwards", () => {
    const shape = [2, 3, 4, 2, 3, 2];
    const x = activationTensor("x", kind, shape);
    const y = activationTensor("y", kind, shape);
    check(graphOf([node("slice", [x], y, { begin: shape.map((n) => n - 1), stride: shape.map(() => -1) })]));
  });
});

describe.each(kinds)("expand of %s", (kind) => {
  test.each([
    [[1], [5]],
    [[], [2, 3]],
    [
      [3, 1],
      [3, 4],
    ],
    [
      [1, 5],
      [4, 5],
    ],
    [
      [2, 1, 3, 1],
      [5, 2, 4, 3, 2],
    ],
    [
      [1, 2, 1, 3, 1, 2],
      [2, 2, 2, 3, 2, 2],
    ],
  ])("%j to %j", (from, to) => {
    check(
      graphOf([node("expand", [activationTensor("x", kind, from)], activationTensor("y", kind, to), {})]),
    );
  });
});

test("a slice between different scales is refused by name", () => {
  const x = activationTensor("x", "int8", [4], 0.5);
  const y = activationTensor("part", "int8", [2], 0.25);
  const graph = graphOf([node("slice", [x], y, { begin: [0], stride: [1] })]);
  expect(() => pack(graph)).toThrow(/slice "part": "x" and "part" differ in scale or zero point/);
});

test("loops that do not fit the engine's nest are refused by name", () => {
  const shape = [2, 2, 2, 2, 2, 2, 2, 2];
  const perm = [7, 6, 5, 4, 3, 2, 1, 0];
  const x = activationTensor("x", "float32", shape);
  const y = activationTensor("backwards", "float32", shape);
  expect(elementCount(shape)).toBe(256);
  expect(() => pack(graphOf([node("transpose", [x], y, { perm })]))).toThrow(/transpose "backwards"/);
});
