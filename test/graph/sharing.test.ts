import { describe, expect, it } from "vitest";
import { optimize } from "../../src/graph/passes/index.ts";
import { shareCommon } from "../../src/graph/passes/share-common.ts";
import { constant, float, graph, lines, node, plain } from "./build.ts";

describe("shareCommon", () => {
  const [x, a, b, c, d, y] = ["x", "a", "b", "c", "d", "y"].map((name) => float(name, [2]));
  const clip = (from: typeof x, to: typeof x, max: number) =>
    node("unary", [from], to, { kind: "clip", min: Number.NEGATIVE_INFINITY, max });

  it("makes one node of those that do the same, and of what follows from them", () => {
    const g = graph(
      [x],
      [
        node("mul", [x, constant("two", [], [2])], a, plain),
        node("mul", [x, constant("zwei", [], [2])], b, plain),
        clip(a, c, 3),
        clip(b, d, 3),
        node("add", [c, d], y, plain),
      ],
      [y],
    );
    expect(shareCommon(g)).toBe(true);
    expect(lines(g)).toEqual(["a [2] = mul(x, two*)", "c [2] = unary(a)", "y [2] = add(c, c)"]);
    expect(shareCommon(g)).toBe(false);
  });

  it("tells constants, attributes, order of operands and types apart", () => {
    const bounds = [Number.POSITIVE_INFINITY, Number.NaN, 0, -0].map((max, i) =>
      clip(x, float(`c${i}`, [2]), max),
    );
    const others = [
      node("sub", [x, a], float("p", [2]), plain),
      node("sub", [a, x], float("q", [2]), plain),
      node("mul", [x, constant("n", [], [0])], float("r", [2]), plain),
      node("mul", [x, constant("m", [], [-0])], float("s", [2]), plain),
      node("reshape", [x], float("t", [2, 1]), {}),
      node("reshape", [x], float("u", [1, 2]), {}),
    ];
    const nodes = [...bounds, ...others];
    const g = graph(
      [x, a],
      nodes,
      nodes.slice(0, -1).map(({ outputs }) => outputs[0]!),
    );
    expect(shareCommon(g)).toBe(false);
    expect(g.nodes).toHaveLength(10);
  });

  it("keeps every output of the model, also those that are equal", () => {
    const g = graph(
      [x],
      [clip(x, a, 1), clip(x, b, 1), clip(x, c, 1), node("add", [b, c], y, plain)],
      [a, b, y],
    );
    expect(shareCommon(g)).toBe(true);
    expect(lines(g)).toEqual(["a [2] = unary(x)", "b [2] = unary(x)", "y [2] = add(b, a)"]);
  });

  it("is the last thing that optimize does", () => {
    const made = graph([x], [clip(x, a, 1), clip(x, b, 1), node("mul", [a, b], y, plain)], [y]);
    expect(lines(optimize(made))).toEqual(["a [2] = unary(x)", "y [2] = mul(a, a)"]);
    expect(lines(made)).toHaveLength(3);
  });
});
