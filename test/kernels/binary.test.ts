import { describe, test } from "vitest";
import { noActivation, type Rounding } from "../../src/graph/graph.ts";
import {
  activationTensor,
  caseOf,
  graphOf,
  type Kind,
  node,
  randomFrom,
  type Spread,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 33];
/** a, b, y. */
const broadcasts: [number[], number[], number[]][] = [
  [[3, 17], [1], [3, 17]],
  [[], [3, 9], [3, 9]],
  [[3, 17], [17], [3, 17]],
  [
    [2, 3, 17],
    [1, 3, 1],
    [2, 3, 17],
  ],
  [
    [2, 1, 9],
    [1, 4, 9],
    [2, 4, 9],
  ],
  [
    [2, 1, 3, 1],
    [1, 5, 1, 7],
    [2, 5, 3, 7],
  ],
  [
    [1, 1, 1, 8],
    [2, 3, 3, 8],
    [2, 3, 3, 8],
  ],
  [
    [3, 1],
    [3, 18],
    [3, 18],
  ],
  [
    [2, 1, 2, 1, 2],
    [1, 3, 1, 3, 1],
    [2, 3, 2, 3, 2],
  ],
];
const activations = [noActivation, { min: 0, max: Infinity }, { min: 0, max: 6 }, { min: -1, max: 1 }];
let seed = 3000;

interface Options {
  op: "add" | "sub" | "mul";
  kind: Kind;
  rounding: Rounding;
  shapes: [number[], number[], number[]];
  scales: [number, number, number];
  zeroPoints?: [number, number, number];
  spread?: Spread;
}

function check({ op, kind, rounding, shapes, scales, zeroPoints, spread = "random" }: Options): void {
  const random = randomFrom(seed++);
  const low = kind === "uint8" ? 0 : -128;
  const zero = zeroPoints ?? [random.int(0, 255), random.int(0, 255), random.int(0, 255)];
  const [a, b, y] = shapes.map((shape, i) =>
    activationTensor("aby"[i]!, kind, shape, scales[i], zero[i]! + low),
  );
  const activation = activations[seed % 4]!;
  const graph = graphOf([node(op, [a!, b!], y!, { activation })], rounding);
  expectExact(caseOf(random, graph, spread), JSON.stringify({ shapes, scales, zero, activation }));
}

describe.each(["add", "sub", "mul"] as const)("%s", (op) => {
  describe.each(["int8", "uint8", "float32"] as Kind[])("of %s", (kind) => {
    const ways: Rounding[] = kind === "float32" ? ["single"] : ["single", "double"];
    const yScale = op === "mul" ? 0.01 : 0.07;

    test.each(ways)("every length, %s", (rounding) => {
      for (const n of lengths) {
        check({ op, kind, rounding, shapes: [[n], [n], [n]], scales: [0.031, 0.047, yScale] });
        check({ op, kind, rounding, shapes: [[n], [1], [n]], scales: [0.031, 0.047, yScale] });
        check({ op, kind, rounding, shapes: [[1], [n], [n]], scales: [0.031, 0.047, yScale] });
      }
    });

    test.each(ways)("broadcasting, %s", (rounding) => {
      for (const shapes of broadcasts) check({ op, kind, rounding, shapes, scales: [0.05, 0.02, yScale] });
    });

    test.each(ways)("activation bounds half-way between integers, %s", (rounding) => {
      for (let i = 0; i < 8; i++)
        for (const scale of [0.8, 4])
          check({ op, kind, rounding, shapes: [[29], [29], [29]], scales: [0.5, 0.7, scale] });
    });

    test.each(ways)("extremes, %s", (rounding) => {
      for (const zeroPoints of [
        [0, 0, 0],
        [255, 255, 255],
        [0, 255, 128],
        [255, 0, 0],
      ] as [number, number, number][])
        for (const scales of [
          [0.1, 0.1, 0.1],
          [1, 0.002, 0.01],
          [0.004, 0.9, 0.005],
        ] as [number, number, number][])
          check({ op, kind, rounding, shapes: [[41], [41], [41]], scales, zeroPoints, spread: "extremes" });
    });
  });

  test("scale ratios from 2⁻²⁰ to 2²⁰, where single falls back to the form of double", () => {
    for (const exponent of [-20, -17, -16, -11, -10, -9, 0, 7, 8, 9, 15, 20])
      for (const other of [-3, 0, 4])
        check({
          op,
          kind: "int8",
          rounding: "single",
          shapes: [[19], [19], [19]],
          scales: [0.03 * 2 ** exponent, 0.04 * 2 ** other, 0.03],
        });
  });

  test("float32 with infinities, NaN, denormals and signed zeros", () => {
    for (const n of lengths)
      for (let i = 0; i < 4; i++)
        check({
          op,
          kind: "float32",
          rounding: "single",
          shapes: [
            [n, 3],
            [n, 3],
            [n, 3],
          ],
          scales: [1, 1, 1],
          spread: "special",
        });
  });
});
