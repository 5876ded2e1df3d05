import { describe, expect, it } from "vitest";
import type { Node, Tensor } from "../../src/graph/graph.ts";
import { removeDeadCode } from "../../src/graph/passes/dead-code.ts";
import { fuseGelu } from "../../src/graph/passes/fuse-gelu.ts";
import { runReference } from "../reference/run.ts";
import { constant, float, graph, node, plain } from "./build.ts";

/** Writes expressions as chains of nodes. */
function writer() {
  const nodes: Node[] = [];
  let count = 0;
  const emit = (make: (to: Tensor) => Node): Tensor => {
    const to = float(`t${count++}`, [2, 3]);
    nodes.push(make(to));
    return to;
  };
  const of = (v: Tensor | number): Tensor => (typeof v === "number" ? constant(`n${count++}`, [1], [v]) : v);
  type Value = Tensor | number;
  return {
    nodes,
    mul: (a: Value, b: Value) => emit((to) => node("mul", [of(a), of(b)], to, plain)),
    add: (a: Value, b: Value) => emit((to) => node("add", [of(a), of(b)], to, plain)),
    div: (a: Value, b: Value) => emit((to) => node("binary", [of(a), of(b)], to, { kind: "div", ...plain })),
    pow: (a: Value, b: Value) => emit((to) => node("binary", [of(a), of(b)], to, { kind: "pow", ...plain })),
    unary: (kind: "erf" | "tanh" | "square", a: Tensor) => emit((to) => node("unary", [a], to, { kind })),
  };
}

type Writer = ReturnType<typeof writer>;

const x = float("x", [2, 3]);
const root = Math.sqrt(2 / Math.PI);
const cubic = (w: Writer) => w.mul(w.pow(x, 3), 0.044715);

const forms: [name: string, approximate: boolean, write: (w: Writer) => Tensor][] = [
  [
    "PyTorch: x · (1 + erf(x / √2)) · ½",
    false,
    (w) => w.mul(w.mul(x, w.add(w.unary("erf", w.div(x, Math.SQRT2)), 1)), 0.5),
  ],
  [
    "TensorFlow: ½ · x · (1 + erf(x · √½))",
    false,
    (w) => w.mul(w.mul(0.5, x), w.add(1, w.unary("erf", w.mul(x, Math.SQRT1_2)))),
  ],
  [
    "the half beside the sum",
    false,
    (w) => w.mul(x, w.mul(w.add(1, w.unary("erf", w.mul(Math.SQRT1_2, x))), 0.5)),
  ],
  [
    "tanh of a power",
    true,
    (w) => w.mul(w.mul(x, 0.5), w.add(1, w.unary("tanh", w.mul(w.add(x, cubic(w)), root)))),
  ],
  [
    "tanh of products",
    true,
    (w) => {
      const cube = w.mul(w.mul(w.mul(x, 0.044715), x), x);
      return w.mul(0.5, w.mul(x, w.add(w.unary("tanh", w.mul(root, w.add(cube, x))), 1)));
    },
  ],
  [
    "tanh with x in front",
    true,
    (w) => {
      const inner = w.add(1, w.mul(0.044715, w.unary("square", x)));
      return w.mul(w.mul(0.5, x), w.add(1, w.unary("tanh", w.mul(w.mul(x, root), inner))));
    },
  ],
];

describe("fuseGelu", () => {
  it.each(forms)("%s", (_, approximate, write) => {
    const w = writer();
    const y = write(w);
    const g = graph([x], w.nodes, [y]);
    const values = Float32Array.of(-4, -0.7, -0.1, 0, 0.5, 3);
    const before = runReference(g, [values]).get(y) as Float32Array;
    expect(fuseGelu(g)).toBe(true);
    removeDeadCode(g);
    expect(g.nodes).toEqual([{ ...node("unary", [x], y, { kind: "gelu", approximate }), name: y.name }]);
    const after = runReference(g, [values]).get(y) as Float32Array;
    after.forEach((v, i) => {
      expect(Math.abs(v - before[i]!)).toBeLessThan(1e-6);
    });
    expect(fuseGelu(g)).toBe(false);
  });

  it("knows x where that is a product too", () => {
    const w = writer();
    const scaled = w.mul(x, 3);
    const y = w.mul(w.mul(scaled, w.add(w.unary("erf", w.div(scaled, Math.SQRT2)), 1)), 0.5);
    const g = graph([x], w.nodes, [y]);
    expect(fuseGelu(g)).toBe(true);
    removeDeadCode(g);
    expect(g.nodes.map(({ op }) => op)).toEqual(["mul", "unary"]);
  });

  it.each<[string, (w: Writer) => Tensor]>([
    ["another factor in front", (w) => w.mul(w.mul(x, w.add(w.unary("erf", w.div(x, Math.SQRT2)), 1)), 0.25)],
    ["another divisor", (w) => w.mul(w.mul(x, w.add(w.unary("erf", w.div(x, 1.5)), 1)), 0.5)],
    ["another addend", (w) => w.mul(w.mul(x, w.add(w.unary("erf", w.div(x, Math.SQRT2)), 2)), 0.5)],
    [
      "another power",
      (w) =>
        w.mul(w.mul(x, 0.5), w.add(1, w.unary("tanh", w.mul(w.add(x, w.mul(w.pow(x, 2), 0.044715)), root)))),
    ],
    ["tanh of x alone", (w) => w.mul(w.mul(x, 0.5), w.add(1, w.unary("tanh", x)))],
  ])("leaves %s alone", (_, write) => {
    const w = writer();
    const y = write(w);
    expect(fuseGelu(graph([x], w.nodes, [y]))).toBe(false);
  });
});
