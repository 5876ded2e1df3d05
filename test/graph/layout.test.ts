import { describe, expect, it } from "vitest";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { cancelTransposes } from "../../src/graph/passes/cancel-transposes.ts";
import { removeDeadCode } from "../../src/graph/passes/dead-code.ts";
import { hoistMoves } from "../../src/graph/passes/hoist-moves.ts";
import { mergeReshapes } from "../../src/graph/passes/merge-reshapes.ts";
import { sinkReshapes } from "../../src/graph/passes/sink-reshapes.ts";
import { transposeToReshape } from "../../src/graph/passes/transpose-to-reshape.ts";
import { attributesOf, constant, float, graph, int8, lines, node, plain, valuesOf } from "./build.ts";

const toNhwc = { perm: [0, 2, 3, 1] };
const toNchw = { perm: [0, 3, 1, 2] };

const cancelled = (g: Graph): string[] => {
  cancelTransposes(g);
  removeDeadCode(g);
  return lines(g);
};

describe("cancelTransposes", () => {
  it("cancels inverse pairs and merges others", () => {
    const [x, a, b, c, y] = [
      float("x", [1, 2, 3, 4]),
      float("a", [1, 3, 4, 2]),
      float("b", [1, 2, 3, 4]),
      float("c", [1, 3, 4, 2]),
      float("y", [3, 1, 4, 2]),
    ];
    const g = graph(
      [x],
      [
        node("transpose", [x], a, toNhwc),
        node("transpose", [a], b, toNchw),
        node("transpose", [b], c, toNhwc),
        node("transpose", [c], y, { perm: [1, 0, 2, 3] }),
      ],
      [y],
    );
    expect(cancelled(g)).toEqual(["y [3,1,4,2] = transpose(x)"]);
    expect(attributesOf(g, "y")).toEqual({ perm: [2, 0, 3, 1] });
  });

  it("goes through elementwise operators and permutes constants", () => {
    const [x, a, b, c, d, y] = [
      float("x", [1, 3, 4, 2]),
      float("a", [1, 2, 3, 4]),
      float("b", [1, 2, 3, 4]),
      float("c", [1, 2, 3, 4]),
      float("d", [1, 2, 3, 4]),
      float("y", [1, 3, 4, 2]),
    ];
    const g = graph(
      [x],
      [
        node("transpose", [x], a, toNchw),
        node("unary", [a], b, { kind: "relu" }),
        node("mul", [b, constant("s", [2, 1, 1], [5, 6])], c, plain),
        node("add", [c, b], d, plain),
        node("transpose", [d], y, toNhwc),
      ],
      [y],
    );
    expect(cancelled(g)).toEqual([
      "b/moved [1,3,4,2] = unary(x)",
      "c/moved [1,3,4,2] = mul(b/moved, s*)",
      "y [1,3,4,2] = add(c/moved, b/moved)",
    ]);
    expect(g.nodes[1].inputs[1]!.shape).toEqual([1, 1, 1, 2]);
    expect(valuesOf(g, "c/moved", 1)).toEqual([5, 6]);
  });

  it("permutes a constant that varies along several dimensions", () => {
    const [x, a, y] = [float("x", [1, 1, 3, 2]), float("a", [1, 2, 1, 3]), float("y", [1, 2, 1, 3])];
    const g = graph(
      [x],
      [node("transpose", [x], a, toNchw), node("sub", [constant("c", [2, 1, 3]), a], y, plain)],
      [y],
    );
    expect(cancelled(g)).toEqual(["y/moved [1,1,3,2] = sub(c*, x)", "y [1,2,1,3] = transpose(y/moved)"]);
    expect(valuesOf(g, "y/moved", 0)).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it("adapts the axes of concat, pad and mean", () => {
    const x = float("x", [2, 3, 4, 5]);
    const a = float("a", [2, 5, 3, 4]);
    const b = float("b", [2, 10, 3, 4]);
    const c = float("c", [2, 12, 3, 7]);
    const y = float("y", [2, 12]);
    const g = graph(
      [x],
      [
        node("transpose", [x], a, toNchw),
        node("concat", [a, a], b, { axis: 1, ...plain }),
        node("pad", [b], c, { before: [0, 2, 0, 1], after: [0, 0, 0, 2], value: 0 }),
        node("mean", [c], y, { axes: [2, 3], keepDims: false }),
      ],
      [y],
    );
    expect(cancelled(g)).toEqual([
      "b/moved [2,3,4,10] = concat(x, x)",
      "c/moved [2,3,7,12] = pad(b/moved)",
      "y [2,12] = mean(c/moved)",
    ]);
    expect(attributesOf(g, "b/moved")).toMatchObject({ axis: 3 });
    expect(attributesOf(g, "c/moved")).toEqual({ before: [0, 0, 1, 2], after: [0, 0, 2, 0], value: 0 });
    expect(attributesOf(g, "y")).toEqual({ axes: [1, 2], keepDims: false });
  });

  it("keeps the order of what a mean leaves", () => {
    const [x, a, y] = [float("x", [2, 3, 4, 5]), float("a", [5, 2, 4, 3]), float("y", [5, 2, 3])];
    const g = graph(
      [x],
      [
        node("transpose", [x], a, { perm: [3, 0, 2, 1] }),
        node("mean", [a], y, { axes: [2], keepDims: false }),
      ],
      [y],
    );
    expect(cancelled(g)).toEqual(["y/moved [2,3,5] = mean(x)", "y [5,2,3] = transpose(y/moved)"]);
    expect(attributesOf(g, "y")).toEqual({ perm: [2, 0, 1] });
  });

  it("goes through a reshape that only adds dimensions of size 1", () => {
    const [x, a, b, y] = [
      float("x", [1, 49, 40]),
      float("a", [1, 40, 49]),
      float("b", [1, 40, 1, 49]),
      float("y", [1, 1, 49, 40]),
    ];
    const g = graph(
      [x],
      [
        node("transpose", [x], a, { perm: [0, 2, 1] }),
        node("reshape", [a], b, {}),
        node("transpose", [b], y, toNhwc),
      ],
      [y],
    );
    expect(cancelled(g)).toEqual(["y [1,1,49,40] = reshape(x)"]);
  });

  it("brings an operand that broadcasts into the other layout when that is free", () => {
    const [x, s, a, y] = [
      float("x", [1, 3, 4, 2]),
      float("s", [1, 2, 1, 1]),
      float("a", [1, 2, 3, 4]),
      float("y", [1, 2, 3, 4]),
    ];
    const g = graph([x, s], [node("transpose", [x], a, toNchw), node("mul", [a, s], y, plain)], [y]);
    expect(cancelled(g)).toEqual([
      "s/moved [1,1,1,2] = reshape(s)",
      "y/moved [1,3,4,2] = mul(x, s/moved)",
      "y [1,2,3,4] = transpose(y/moved)",
    ]);
  });

  it("stays in front of an operand in another layout, a softmax along a moved axis and a flattening", () => {
    const [x, z, a, b, c, y] = [
      float("x", [1, 3, 4, 2]),
      float("z", [1, 2, 3, 4]),
      float("a", [1, 2, 3, 4]),
      float("b", [1, 2, 3, 4]),
      float("c", [1, 2, 3, 4]),
      float("y", [1, 24]),
    ];
    const g = graph(
      [x, z],
      [
        node("transpose", [x], a, toNchw),
        node("add", [a, z], b, plain),
        node("softmax", [a], c, { beta: 1 }),
        node("reshape", [a], y, {}),
      ],
      [b, c, y],
    );
    const before = lines(g);
    expect(cancelTransposes(g)).toBe(false);
    expect(lines(g)).toEqual(before);
  });

  it("moves quantized values with their parameters, and leaves per-axis quantization alone", () => {
    const [x, a, y] = [
      int8("x", [1, 3, 4, 2], 0.5, 3),
      int8("a", [1, 2, 3, 4], 0.5, 3),
      int8("y", [1, 2, 3, 4], 0.25, 7),
    ];
    const build = () => graph([x], [node("transpose", [x], a, toNchw), node("quantize", [a], y, {})], [y]);
    const g = build();
    expect(cancelled(g)).toEqual(["y/moved [1,3,4,2] = quantize(x)", "y [1,2,3,4] = transpose(y/moved)"]);
    expect(g.nodes[0].outputs[0].quantization).toEqual(y.quantization);
    a.quantization = { scale: Float32Array.of(1, 2), zeroPoint: Int32Array.of(0, 0), axis: 1 };
    expect(cancelTransposes(build())).toBe(false);
  });

  it("keeps the tensor of an output", () => {
    const [x, a, b, y] = [float("x", [2, 3]), float("a", [2, 3]), float("b", [3, 2]), float("y", [2, 3])];
    const g = graph(
      [x],
      [
        node("unary", [x], a, { kind: "abs" }),
        node("transpose", [a], b, { perm: [1, 0] }),
        node("transpose", [b], y, { perm: [1, 0] }),
      ],
      [y],
    );
    expect(cancelled(g)).toEqual(["y [2,3] = unary(x)"]);
    expect(g.nodes[0].outputs[0]).toBe(y);
  });
});

describe("transposeToReshape", () => {
  it("turns transposes that only move dimensions of size 1 into reshapes", () => {
    const [x, a, y] = [float("x", [1, 1, 5, 6]), float("a", [1, 5, 6, 1]), float("y", [1, 6, 5, 1])];
    const g = graph(
      [x],
      [node("transpose", [x], a, toNhwc), node("transpose", [a], y, { perm: [0, 2, 1, 3] })],
      [y],
    );
    expect(transposeToReshape(g)).toBe(true);
    expect(lines(g)).toEqual(["a [1,5,6,1] = reshape(x)", "y [1,6,5,1] = transpose(a)"]);
    expect(transposeToReshape(g)).toBe(false);
  });
});

describe("mergeReshapes", () => {
  it("reads through reshapes and removes those that change nothing", () => {
    const [x, a, b, c, y] = [
      float("x", [2, 6]),
      float("a", [12]),
      float("b", [3, 4]),
      float("c", [2, 6]),
      float("y", [2, 6]),
    ];
    const g = graph(
      [x],
      [
        node("reshape", [x], a, {}),
        node("reshape", [a], b, {}),
        node("reshape", [b], c, {}),
        node("unary", [c], y, { kind: "exp" }),
      ],
      [y],
    );
    expect(mergeReshapes(g)).toBe(true);
    removeDeadCode(g);
    expect(lines(g)).toEqual(["y [2,6] = unary(x)"]);
  });

  it("keeps a copy from an input to an output", () => {
    const [x, y] = [float("x", [2]), float("y", [2])];
    const g = graph([x], [node("reshape", [x], y, {})], [y]);
    expect(mergeReshapes(g)).toBe(false);
    expect(lines(g)).toEqual(["y [2] = reshape(x)"]);
  });
});

describe("sinkReshapes", () => {
  it("moves reshapes behind elementwise operators, where they meet", () => {
    const [x, a, b, c, y] = [
      float("x", [1, 1, 5, 2]),
      float("a", [1, 5, 2]),
      float("b", [1, 5, 2]),
      float("c", [1, 5, 2]),
      float("y", [1, 1, 5, 2]),
    ];
    const g = graph(
      [x],
      [
        node("reshape", [x], a, {}),
        node("mul", [a, constant("s", [2])], b, plain),
        node("unary", [b], c, { kind: "relu" }),
        node("reshape", [c], y, {}),
      ],
      [y],
    );
    expect(sinkReshapes(g)).toBe(true);
    mergeReshapes(g);
    removeDeadCode(g);
    expect(lines(g)).toEqual(["b/moved [1,1,5,2] = mul(x, s*)", "y [1,1,5,2] = unary(b/moved)"]);
    expect(g.nodes[0].inputs[1]!.shape).toEqual([1, 1, 1, 2]);
  });

  it("stays where a constant belongs to dimensions that the reshape makes", () => {
    const [x, a, y] = [float("x", [6]), float("a", [2, 3]), float("y", [2, 3])];
    const g = graph([x], [node("reshape", [x], a, {}), node("add", [a, constant("c", [3])], y, plain)], [y]);
    expect(sinkReshapes(g)).toBe(false);
  });
});

describe("hoistMoves", () => {
  it("moves integers instead of what a dequantize makes of them", () => {
    const x = int8("x", [1, 3, 4, 2], 0.5, 3);
    const [a, b, y] = [float("a", [1, 3, 4, 2]), float("b", [1, 2, 3, 4]), float("y", [1, 24])];
    const g = graph(
      [x],
      [node("dequantize", [x], a, {}), node("transpose", [a], b, toNchw), node("reshape", [b], y, {})],
      [y],
    );
    expect(hoistMoves(g)).toBe(true);
    removeDeadCode(g);
    expect(lines(g)).toEqual([
      "b/moved [1,2,3,4] = transpose(x)",
      "y/moved [1,24] = reshape(b/moved)",
      "y [1,24] = dequantize(y/moved)",
    ]);
    expect(g.nodes[1].outputs[0].quantization).toEqual(x.quantization);
  });

  it("goes on with slices and rows of a table, which keep their indices", () => {
    const table = { ...int8("table", [4, 3]), data: Int8Array.from({ length: 12 }, (_, i) => i) };
    const ids: Tensor = { name: "ids", dtype: "int32", shape: [5] };
    const [a, b, y] = [float("a", [4, 3]), float("b", [5, 3]), float("y", [2, 3])];
    const g = graph(
      [ids],
      [
        node("dequantize", [table], a, {}),
        node("gather", [a, ids], b, { axis: 0, batchDims: 0, fromEnd: false }),
        node("slice", [b], y, { begin: [1, 0], stride: [2, 1] }),
      ],
      [y],
    );
    expect(hoistMoves(g)).toBe(true);
    removeDeadCode(g);
    expect(lines(g)).toEqual([
      "b/moved [5,3] = gather(table*, ids)",
      "y/moved [2,3] = slice(b/moved)",
      "y [2,3] = dequantize(y/moved)",
    ]);
  });
});

describe("cancelTransposes around operators that move elements", () => {
  it("takes slices, broadcasts, gathers and joins along", () => {
    const [x, a, b, c] = [
      float("x", [1, 4, 4, 6]),
      float("a", [1, 6, 4, 4]),
      float("b", [1, 3, 4, 4]),
      float("c", [1, 3, 4, 4]),
    ];
    const [d, e, f, g] = [
      float("d", [1, 6, 4, 4]),
      float("e", [2, 6, 4, 4]),
      float("f", [2, 2, 4, 4]),
      float("g", [2, 4, 4, 2]),
    ];
    const picks: Tensor = { name: "picks", dtype: "int64", shape: [2], data: BigInt64Array.of(5n, 0n) };
    const model = graph(
      [x],
      [
        node("transpose", [x], a, toNchw),
        node("slice", [a], b, { begin: [0, 5, 0, 3], stride: [1, -1, 1, -1] }),
        node("slice", [a], c, { begin: [0, 0, 0, 0], stride: [1, 2, 1, 1] }),
        node("concat", [b, c], d, { axis: 1, ...plain }),
        node("expand", [d], e, {}),
        node("gather", [e, picks], f, { axis: 1, batchDims: 0, fromEnd: true }),
        node("transpose", [f], g, toNhwc),
      ],
      [g],
    );
    expect(cancelled(model)).toEqual([
      "b/moved [1,4,4,3] = slice(x)",
      "c/moved [1,4,4,3] = slice(x)",
      "d/moved [1,4,4,6] = concat(b/moved, c/moved)",
      "e/moved [2,4,4,6] = expand(d/moved)",
      "g [2,4,4,2] = gather(e/moved, picks*)",
    ]);
    expect(attributesOf(model, "b/moved")).toEqual({ begin: [0, 0, 3, 5], stride: [1, 1, -1, -1] });
    expect(attributesOf(model, "g")).toEqual({ axis: 3, batchDims: 0, fromEnd: true });
  });
});
