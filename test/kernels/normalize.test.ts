import { expect, test } from "vitest";
import type { NormalizeAttributes } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import {
  activationTensor,
  caseOf,
  constantOf,
  drawValues,
  graphOf,
  node,
  randomFrom,
  type Spread,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const forms: NormalizeAttributes[] = [false, true].flatMap((centered) =>
  [false, true].flatMap((isSum) =>
    [false, true].map((floor) => ({ centered, isSum, floor, epsilon: floor ? 1e-12 : 1e-5 })),
  ),
);
let seed = 8000;

test.each(forms)("every depth around four lanes: %o", (attributes) => {
  for (const depth of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 192])
    for (const [hasScale, hasBias] of [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ])
      for (const spread of ["random", "special", "zeros"] as Spread[]) {
        const random = randomFrom(seed++);
        const vector = (name: string) =>
          constantOf(activationTensor(name, "float32", [depth]), drawValues(random, "float32", depth));
        const x = activationTensor("x", "float32", [2, 3, depth]);
        const y = activationTensor("y", "float32", [2, 3, depth]);
        const inputs = [x, hasScale ? vector("scale") : null, hasBias ? vector("bias") : null];
        const graph = graphOf([node("normalize", inputs, y, attributes)]);
        expectExact(caseOf(random, graph, spread), `depth ${depth} ${spread}`);
      }
});

test("scale and bias may be computed", () => {
  const [x, scale, bias, y] = ["x", "scale", "bias", "y"].map((name, i) =>
    activationTensor(name, "float32", i === 1 || i === 2 ? [6] : [4, 6]),
  );
  const graph = graphOf([
    node("normalize", [x, scale, bias], y, { centered: true, isSum: false, floor: false, epsilon: 0.1 }),
  ]);
  expectExact(caseOf(randomFrom(seed++), graph));
});

test("a scale of another length is refused by name", () => {
  const [x, scale, y] = ["x", "scale", "y"].map((name, i) =>
    activationTensor(name, "float32", i === 1 ? [5] : [4, 6]),
  );
  const graph = graphOf([
    node("normalize", [x, scale, null], y, { centered: true, isSum: false, floor: false, epsilon: 0 }),
  ]);
  expect(() => pack(graph)).toThrow(/normalize "y": "scale" \[5\] does not have 6 floats/);
});
