import { describe, expect, test } from "vitest";
import type { ResizeTable, Rounding } from "../../src/graph/graph.ts";
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

let seed = 9000;

/** Weights that add up to one; with `signed` some lie below zero. */
function randomTable(random: Random, from: number, to: number, taps: number, signed = false): ResizeTable {
  const weight = new Float32Array(to * taps);
  for (let at = 0; at < weight.length; at += taps) {
    let rest = 1;
    for (let t = 1; t < taps; t++) {
      const part = random.pick([0, 1, random.real(signed ? -0.2 : 0, 1)]) / taps;
      weight[at + t] = part;
      rest -= part;
    }
    weight[at] = rest;
  }
  return { taps, index: Int32Array.from(weight, () => random.int(0, from - 1)), weight };
}

const shapes: [shape: number[], axis: number, to: [number, number]][] = [
  [[1, 2, 4, 1], 1, [3, 5]],
  [[2, 3, 5, 7], 1, [6, 2]],
  [[2, 3, 5, 7], 2, [1, 9]],
  [[4, 6], 0, [8, 3]],
  [[1, 1, 1, 5], 1, [4, 4]],
];

describe("resize2d", () => {
  test.each([1, 2, 4])("float32, %i taps", (taps) => {
    for (const [shape, axis, to] of shapes)
      for (const spread of ["random", "special"] as Spread[]) {
        const random = randomFrom(seed++);
        const out = shape.map((d, i) => (i === axis ? to[0] : i === axis + 1 ? to[1] : d));
        const attributes = {
          axis,
          rows: randomTable(random, shape[axis], to[0], taps, true),
          columns: randomTable(random, shape[axis + 1], to[1], taps === 4 ? 3 : taps, true),
        };
        const [x, y] = [activationTensor("x", "float32", shape), activationTensor("y", "float32", out)];
        expectExact(caseOf(random, graphOf([node("resize2d", [x], y, attributes)]), spread));
      }
  });

  test.each(["int8", "uint8"] as Kind[])("%s in both roundings, ties included", (type) => {
    for (const rounding of ["single", "double"] as Rounding[])
      for (const [shape, axis, to] of shapes)
        for (const taps of [1, 2])
          for (const spread of ["random", "extremes"] as Spread[]) {
            const random = randomFrom(seed++);
            const out = shape.map((d, i) => (i === axis ? to[0] : i === axis + 1 ? to[1] : d));
            const tables = () => {
              const rows = randomTable(random, shape[axis], to[0], taps);
              const columns = randomTable(random, shape[axis + 1], to[1], taps);
              // Quarters make halves of a step.
              for (const { weight } of [rows, columns])
                for (let i = 0; i < weight.length; i++) weight[i] = Math.round(weight[i] * 4) / 4;
              return { rows, columns };
            };
            const attributes = { axis, ...tables(), fixed: tables() };
            const x = activationTensor("x", type, shape, 0.05, 3);
            const graph = graphOf(
              [node("resize2d", [x], { ...x, name: "y", shape: out }, attributes)],
              rounding,
            );
            expectExact(caseOf(random, graph, spread));
          }
  });

  test("negative weights of int8 are refused by name", () => {
    const x = activationTensor("x", "int8", [1, 2, 2, 1]);
    const rows = { taps: 2, index: Int32Array.of(0, 1), weight: Float32Array.of(1.5, -0.5) };
    const y = { ...x, name: "y", shape: [1, 1, 1, 1] };
    const graph = graphOf([node("resize2d", [x], y, { axis: 1, rows, columns: rows })]);
    expect(() => pack(graph)).toThrow(/resize2d "y".*non-negative/);
  });
});

describe("dilate", () => {
  test.each(["float32", "int8", "uint8"] as Kind[])("%s", (type) => {
    const x = activationTensor("x", type, [1, 3, 2, 5], 0.05, 3);
    const y = { ...x, name: "y", shape: [1, 8, 7, 5] };
    const graph = graphOf([node("dilate", [x], y, { before: [0, 1, 2, 0], step: [1, 3, 4, 1] })]);
    expectExact(caseOf(randomFrom(seed++), graph));
  });
});
