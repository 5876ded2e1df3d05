/** What the verifiers of reductions, normalisation and resampling refuse. */

import { describe, expect, test } from "vitest";
import { REDUCE_PROD } from "../../assembly/codes.ts";
import {
  HEADER_BYTES,
  NONE,
  O_INPUT,
  O_INPUT2,
  O_VARIABLE,
  S_KIND,
  S_OFFSET,
  SECTION_BYTES,
  SECTION_WEIGHTS,
} from "../../assembly/format.ts";
import {
  N_DEPTH,
  N_EPSILON,
  N_KIND,
  Q_COUNT,
  Q_INNER,
  Q_KIND,
  Q_OUTER,
  Z_COLUMN_TAPS,
  Z_HEIGHT,
  Z_OUT_WIDTH,
  Z_ROW_TAPS,
  Z_ROWS,
  Z_SHIFT,
} from "../../assembly/records.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { loadModelSync, NibbleError } from "../../src/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { anatomyOf, repair } from "../fuzz/mutate.ts";
import { activationTensor, graphOf, type Kind, node } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";

const reduce = (kind: Kind) =>
  graphOf([
    node("reduce", [activationTensor("x", kind, [2, 3, 4])], activationTensor("y", kind, [2, 4]), {
      kind: "max",
      axes: [1],
      keepDims: false,
    }),
  ]);

const normalize = () =>
  graphOf([
    node(
      "normalize",
      [activationTensor("x", "float32", [4, 6]), null, null],
      activationTensor("y", "float32", [4, 6]),
      {
        centered: true,
        isSum: false,
        floor: false,
        epsilon: 0.1,
      },
    ),
  ]);

const rows = { taps: 2, index: Int32Array.of(0, 1, 1, 2), weight: Float32Array.of(0.5, 0.5, 1, 0) };
const resize = (kind: Kind) =>
  graphOf([
    node("resize2d", [activationTensor("x", kind, [1, 3, 3, 2])], activationTensor("y", kind, [1, 2, 2, 2]), {
      axis: 1,
      rows,
      columns: rows,
    }),
  ]);

type Change = (view: DataView, record: number, weights: number) => void;
const set =
  (field: number, value: number): Change =>
  (view, record) =>
    view.setUint32(record + field, value, true);
const setFloat =
  (field: number, value: number): Change =>
  (view, record) =>
    view.setFloat32(record + field, value, true);
/** A word of the row table: entries of { index, weight }. */
const setTable =
  (word: number, value: number): Change =>
  (view, record, weights) =>
    view.setInt32(weights + view.getUint32(record + Z_ROWS, true) + 4 * word, value, true);

const cases: [string, () => Graph, Change][] = [
  ["more reduced elements than there are", () => reduce("float32"), set(Q_COUNT, 6)],
  ["no reduced elements", () => reduce("float32"), set(Q_COUNT, 0)],
  ["sizes whose product wraps", () => reduce("float32"), set(Q_INNER, 0x80000000)],
  ["another number of slices", () => reduce("float32"), set(Q_OUTER, 3)],
  ["an unknown kind", () => reduce("float32"), set(Q_KIND, 4)],
  ["a product of int8", () => reduce("int8"), set(Q_KIND, REDUCE_PROD)],
  ["no input", () => reduce("float32"), set(O_INPUT, NONE)],
  ["a second input", () => reduce("float32"), set(O_INPUT2, 0)],
  ["a variable", () => reduce("float32"), set(O_VARIABLE, 0)],
  ["rows that do not divide the input", () => normalize(), set(N_DEPTH, 5)],
  ["rows of nothing", () => normalize(), set(N_DEPTH, 0)],
  ["a scale of another length", () => normalize(), set(O_INPUT2, 0)],
  ["an unknown form", () => normalize(), set(N_KIND, 8)],
  ["a negative epsilon", () => normalize(), setFloat(N_EPSILON, -1)],
  ["an epsilon that is no number", () => normalize(), setFloat(N_EPSILON, Number.NaN)],
  ["an image of another height", () => resize("float32"), set(Z_HEIGHT, 4)],
  ["a result of another width", () => resize("float32"), set(Z_OUT_WIDTH, 3)],
  ["no taps", () => resize("float32"), set(Z_ROW_TAPS, 0)],
  ["more taps than the table has", () => resize("float32"), set(Z_COLUMN_TAPS, 1000)],
  ["taps without limit", () => resize("float32"), set(Z_COLUMN_TAPS, 0x40000000)],
  ["a table outside the weights", () => resize("float32"), set(Z_ROWS, 1 << 20)],
  ["a shift of floats", () => resize("float32"), set(Z_SHIFT, 22)],
  ["an odd shift of int8", () => resize("int8"), set(Z_SHIFT, 21)],
  ["a pixel outside the image", () => resize("float32"), setTable(2, 3)],
  ["a negative pixel", () => resize("int8"), setTable(0, -1)],
  ["int8 weights that add up to too much", () => resize("int8"), setTable(1, 1025)],
  ["int8 weights that cancel out", () => resize("int8"), setTable(3, -2_000_000_000)],
];

describe.each(tiers)("tier %s refuses", (tier) => {
  test.each(cases)("%s", (_, make, change) => {
    const { bytes } = pack(make());
    expect(() => loadModelSync(bytes.slice(), { tier })).not.toThrow();
    const view = new DataView(bytes.buffer);
    let at = HEADER_BYTES;
    while (view.getUint32(at + S_KIND, true) !== SECTION_WEIGHTS && at < HEADER_BYTES + 9 * SECTION_BYTES)
      at += SECTION_BYTES;
    change(view, anatomyOf(bytes).operators[0]!.from, view.getUint32(at + S_OFFSET, true));
    let found: unknown;
    try {
      loadModelSync(repair(bytes), { tier, name: "damaged.nbl" });
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(NibbleError);
    expect(found).toMatchObject({ code: "bad-file", message: expect.stringMatching(/operator 0/) });
  });
});
