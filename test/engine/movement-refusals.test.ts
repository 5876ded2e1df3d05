/** Files whose gathers, scatters and windows would leave their tensors: refused before anything runs. */
import { describe, expect, test } from "vitest";
import { OP_COPY, OP_GATHER, OP_SCATTER, OP_UPDATE, OP_WINDOW } from "../../assembly/codes.ts";
import { O_CODE, O_INPUT2 } from "../../assembly/format.ts";
import {
  D_LIMITS,
  D_STARTS,
  D_STRIDES,
  G_BATCHES,
  G_COUNT,
  G_DEPTH,
  G_DIMS,
  G_FROM_END,
  G_INNER,
  WINDOW_SHIFT,
  Y_DIMS,
  Y_IN_OFFSET,
  Y_IN_STRIDES,
  Y_OUT_OFFSET,
} from "../../assembly/records.ts";
import { decode } from "../../src/format/decode.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { loadModelSync } from "../../src/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { anatomyOf, repair } from "../fuzz/mutate.ts";
import { graphOf, node } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";

const float = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });
const int = (name: string, shape: number[]): Tensor => ({ name, dtype: "int32", shape });

const [x, part] = [float("x", [4, 6]), float("part", [2, 6])];
const gather: Graph = graphOf([
  node("gather", [x, int("i", [2])], part, { axis: 0, batchDims: 0, fromEnd: true }),
]);
const scatter: Graph = graphOf([
  node("scatterNd", [x, int("i", [2, 1]), part], float("y", [4, 6]), { batchDims: 0, fromEnd: true }),
]);
const window: Graph = graphOf([node("dynamicSlice", [x, int("at", [2])], float("y", [2, 3]), {})]);
const update: Graph = graphOf([
  node("dynamicUpdateSlice", [x, float("u", [2, 3]), int("at", [2])], float("y", [4, 6]), {}),
]);
const backwards: Graph = graphOf([
  node("slice", [x], float("y", [4, 3]), { begin: [3, 5], stride: [-1, -2] }),
]);

type Change = (field: number, value: number) => void;

const cases: [string, Graph, number, (set: Change) => void, RegExp][] = [
  ["more slices than there are", gather, OP_GATHER, (set) => set(G_DIMS, 5), /shapes do not agree/],
  ["longer slices", gather, OP_GATHER, (set) => set(G_INNER, 7), /shapes do not agree/],
  ["more tuples", gather, OP_GATHER, (set) => set(G_COUNT, 3), /shapes do not agree/],
  ["sizes whose product wraps to the right one", gather, OP_GATHER, wrapped, /shapes do not agree/],
  ["no batch", gather, OP_GATHER, (set) => set(G_BATCHES, 0), /shapes do not agree/],
  ["tuples of no index", gather, OP_GATHER, (set) => set(G_DEPTH, 0), /outside its range/],
  ["tuples of 7 indices", gather, OP_GATHER, (set) => set(G_DEPTH, 7), /outside its range/],
  ["an unknown way to count", gather, OP_GATHER, (set) => set(G_FROM_END, 2), /outside its range/],
  ["indices that are missing", gather, OP_GATHER, (set) => set(O_INPUT2, 0xffffffff), /does not exist/],
  ["indices that are floats", gather, OP_GATHER, (set) => set(O_INPUT2, 0), /types/],
  ["longer slices to put", scatter, OP_SCATTER, (set) => set(G_INNER, 7), /shapes do not agree/],
  ["a scatter over what nothing wrote", scatter, OP_COPY, (set) => set(Y_DIMS + 20, 23), /it is read where/],
  ["a limit too far", window, OP_WINDOW, (set) => set(D_LIMITS, 3), /operator 0/],
  ["a stride too far", window, OP_WINDOW, (set) => set(D_STRIDES, 0x80000000), /operator 0/],
  ["more starts than the tensor has", window, OP_WINDOW, (set) => set(D_STARTS, 3), /outside its range/],
  ["more starts than fit", window, OP_WINDOW, (set) => set(D_STARTS, 9), /outside its range/],
  ["a window that begins outside", window, OP_WINDOW, (set) => set(WINDOW_SHIFT + Y_IN_OFFSET, 9), /shapes/],
  [
    "a window that leaves some of its output",
    window,
    OP_WINDOW,
    (set) => set(WINDOW_SHIFT + Y_DIMS + 16, 1),
    /./,
  ],
  [
    "an update that begins outside",
    update,
    OP_UPDATE,
    (set) => set(WINDOW_SHIFT + Y_OUT_OFFSET, 9),
    /shapes/,
  ],
  ["a limit of an update", update, OP_UPDATE, (set) => set(D_LIMITS + 4, 4), /shapes/],
  ["a step back over the start", backwards, OP_COPY, (set) => set(Y_IN_STRIDES + 20, -3), /shapes/],
  ["a start too early for steps back", backwards, OP_COPY, (set) => set(Y_IN_OFFSET, 4), /shapes/],
];

/** 2¹⁶ · 2¹⁶ rows: 32 bits would call that none more. */
function wrapped(set: Change): void {
  set(G_BATCHES, 0x10000);
  set(G_COUNT, 0x10000);
}

describe.each(cases)("%s", (_, graph, code, change, message) => {
  test("is refused", () => {
    const { bytes } = pack(graph);
    const operators = decode(bytes).operators;
    const at = anatomyOf(bytes).operators[operators.findIndex((o) => o.code === code)]!.from;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(view.getUint32(at + O_CODE, true)).toBe(code);
    change((field, value) => view.setInt32(at + field, value, true));
    repair(bytes);
    for (const tier of tiers) {
      const load = () => loadModelSync(bytes, { tier });
      expect(load, tier).toThrow(expect.objectContaining({ code: "bad-file" }));
      expect(load, tier).toThrow(message);
    }
  });
});
