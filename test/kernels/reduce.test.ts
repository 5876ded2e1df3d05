import { describe, expect, test } from "vitest";
import {
  elementCount,
  type Graph,
  type ReduceKind,
  type Rounding,
  type TensorData,
} from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import {
  activationTensor,
  caseOf,
  graphOf,
  type Kind,
  node,
  type Random,
  randomFrom,
  type Spread,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const kinds: ReduceKind[] = ["sum", "max", "min", "prod"];
let seed = 7000;

const shapes: [shape: number[], axes: number[]][] = [
  [[7], [0]],
  [[1], [0]],
  [[2, 3, 5], [1]],
  [[2, 3, 5], [0]],
  [[2, 3, 5], [2]],
  [
    [2, 3, 5],
    [0, 1, 2],
  ],
  [[2, 3, 5], []],
  [[4, 1, 33], [1]],
  [
    [3, 4, 5, 2],
    [1, 2],
  ],
  [
    [3, 4, 5, 2],
    [0, 2],
  ],
  [
    [3, 1, 5, 2],
    [0, 2],
  ],
  [
    [2, 3, 4, 5],
    [0, 1, 3],
  ],
  [[17, 31], [1]],
];

const reducedShape = (shape: number[], axes: number[], keepDims: boolean): number[] =>
  shape.map((d, i) => (axes.includes(i) ? 1 : d)).filter((_, i) => keepDims || !axes.includes(i));

const integers = (random: Random, count: number): Int32Array =>
  Int32Array.from({ length: count }, () =>
    random.pick([random.int(-9, 9), random.int(-(2 ** 31), 2 ** 31 - 1)]),
  );

const withIntegers = (graph: Graph): { graph: Graph; inputs: TensorData[] } => ({
  graph,
  inputs: graph.inputs.map((t) => integers(randomFrom(seed++), elementCount(t.shape))),
});

describe("reduce", () => {
  test.each(kinds)("%s of float32, special values included", (kind) => {
    for (const [shape, axes] of shapes)
      for (const spread of ["random", "special"] as Spread[]) {
        const x = activationTensor("x", "float32", shape);
        const y = activationTensor("y", "float32", reducedShape(shape, axes, true));
        const graph = graphOf([node("reduce", [x], y, { kind, axes, keepDims: true })]);
        expectExact(caseOf(randomFrom(seed++), graph, spread), `${kind} [${shape}] over [${axes}]`);
      }
  });

  test.each(kinds)("%s of int32, wrapping", (kind) => {
    for (const [shape, axes] of shapes) {
      const x = activationTensor("x", "int32", shape);
      const y = activationTensor("y", "int32", reducedShape(shape, axes, false));
      expectExact(withIntegers(graphOf([node("reduce", [x], y, { kind, axes, keepDims: false })])));
    }
  });

  test.each(["int8", "uint8"] as Kind[])("max, min and sum of %s", (type) => {
    for (const rounding of ["single", "double"] as Rounding[])
      for (const [shape, axes] of shapes)
        for (const kind of ["sum", "max", "min"] as ReduceKind[])
          for (const spread of ["random", "extremes"] as Spread[]) {
            const random = randomFrom(seed++);
            const zero = () => random.int(0, 255) - (type === "uint8" ? 0 : 128);
            const x = activationTensor("x", type, shape, 0.05, zero());
            const y = { ...x, name: "y", shape: reducedShape(shape, axes, true) };
            if (kind === "sum")
              Object.assign(y, activationTensor("y", type, y.shape, 0.05 * random.real(0.2, 9), zero()));
            const graph = graphOf([node("reduce", [x], y, { kind, axes, keepDims: true })], rounding);
            expectExact(caseOf(random, graph, spread), `${kind} ${type} [${shape}] over [${axes}]`);
          }
  });

  test("products of int8 and another scale for a maximum are refused by name", () => {
    const x = activationTensor("x", "int8", [4]);
    const y = activationTensor("y", "int8", [1], 0.5);
    const of = (kind: ReduceKind) => graphOf([node("reduce", [x], y, { kind, axes: [0], keepDims: true })]);
    expect(() => pack(of("prod"))).toThrow(/reduce "y".*float32 and int32/);
    expect(() => pack(of("max"))).toThrow(/reduce "y".*differ in scale/);
    const long = activationTensor("long", "int64", [4]);
    const z = activationTensor("z", "int64", [1]);
    expect(() =>
      pack(graphOf([node("reduce", [long], z, { kind: "sum", axes: [0], keepDims: true })])),
    ).toThrow(/reduce "z".*"long" is int64/);
  });
});

describe("mean", () => {
  test("axes that are not neighbours", () => {
    for (const [shape, axes] of [
      [
        [2, 3, 4],
        [0, 2],
      ],
      [
        [2, 3, 4, 5],
        [0, 3],
      ],
      [
        [2, 3, 4, 5],
        [0, 2, 3],
      ],
    ])
      for (const type of ["float32", "int8", "uint8"] as Kind[]) {
        const x = activationTensor("x", type, shape, 0.05, 3);
        const y = activationTensor("y", type, reducedShape(shape, axes, false), 0.03, 7);
        const graph = graphOf([node("mean", [x], y, { axes, keepDims: false })]);
        expectExact(caseOf(randomFrom(seed++), graph), `${type} [${shape}] over [${axes}]`);
      }
  });
});

describe("argExtreme", () => {
  test.each(["max", "min"] as const)("%s, first and last of equal ones", (kind) => {
    for (const shape of [[1], [9], [3, 5, 7], [2, 33]])
      for (let axis = 0; axis < shape.length; axis++)
        for (const last of [false, true])
          for (const dtype of ["int32", "int64"] as const) {
            const attributes = { kind, axis, keepDims: true, last };
            const y = activationTensor("y", dtype, reducedShape(shape, [axis], true));
            for (const [type, spread] of [
              ["float32", "random"],
              ["float32", "special"],
              ["float32", "extremes"],
              ["int8", "random"],
              ["int8", "extremes"],
              ["uint8", "random"],
            ] as [Kind, Spread][]) {
              const graph = graphOf([
                node("argExtreme", [activationTensor("x", type, shape)], y, attributes),
              ]);
              expectExact(caseOf(randomFrom(seed++), graph, spread), `${type} ${spread} ${axis} ${last}`);
            }
            const integer = activationTensor("x", "int32", shape);
            expectExact(withIntegers(graphOf([node("argExtreme", [integer], y, attributes)])));
          }
  });
});

describe("cumsum", () => {
  test("forward and backward, with and without the element itself", () => {
    for (const shape of [[1], [9], [3, 5, 7]])
      for (let axis = 0; axis < shape.length; axis++)
        for (const exclusive of [false, true])
          for (const reverse of [false, true]) {
            const make = (type: "float32" | "int32") =>
              graphOf([
                node("cumsum", [activationTensor("x", type, shape)], activationTensor("y", type, shape), {
                  axis,
                  exclusive,
                  reverse,
                }),
              ]);
            for (const spread of ["random", "special"] as Spread[])
              expectExact(caseOf(randomFrom(seed++), make("float32"), spread));
            expectExact(withIntegers(make("int32")));
          }
  });
});
