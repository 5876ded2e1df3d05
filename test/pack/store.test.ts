import { describe, expect, test } from "vitest";
import { SECTION_BYTES, SECTION_STORED } from "../../assembly/format.ts";
import { checksum } from "../../src/format/checksum.ts";
import { decode } from "../../src/format/decode.ts";
import { halfOf } from "../../src/numerics/half.ts";
import { pack } from "../../src/pack/pack.ts";
import { storeWeights } from "../../src/pack/store.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { caseOf, fullyConnectedGraph, type Kind, type Random, randomFrom } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";

/** A layer whose weights are what `draw` gives, large beside everything else in the file. */
function layer(kind: Kind, draw: (random: Random) => number) {
  const random = randomFrom(77);
  const graph = fullyConnectedGraph(random, [3], 40, 203, { kind });
  const data = graph.nodes[0]!.inputs[1]!.data as Int8Array;
  for (let i = 0; i < data.length; i++) data[i] = draw(random);
  return caseOf(random, graph);
}

const forms: [name: string, kind: Kind, draw: (random: Random) => number, atMost: number][] = [
  ["4-bit values", "int8", (r) => r.int(-8, 7), 0.55],
  ["2-bit values", "int8", (r) => r.int(-2, 1), 0.3],
  ["16 values of a codebook", "int8", (r) => r.int(0, 15) * 17 - 128, 0.68],
  ["three quarters zeros", "int8", (r) => (r.int(0, 3) ? 0 : r.int(-127, 127)), 0.42],
  ["three quarters zeros, 4-bit values", "int8", (r) => (r.int(0, 3) ? 0 : r.int(-8, 7)), 0.3],
  ["zeros and a codebook", "int8", (r) => (r.int(0, 3) ? 0 : r.int(0, 14) * 17 - 110), 0.3],
  ["float32 that float16 holds", "float32", (r) => r.int(-1024, 1024) / 256, 0.55],
  ["subnormal float16", "float32", (r) => r.int(-1023, 1023) * 2 ** -24, 0.55],
  ["zeros and float16", "float32", (r) => (r.int(0, 3) ? 0 : r.int(-1024, 1024) / 256), 0.2],
];

describe.each(forms)("%s", (_, kind, draw, atMost) => {
  test("take less room in the file and run to the same bytes in every tier", () => {
    const { graph, inputs } = layer(kind, draw);
    const wide = pack(graph, { narrow: false }).bytes;
    const narrow = pack(graph).bytes;
    const { weightsBytes, isStored } = decode(narrow);
    expect(isStored).toBe(true);
    expect(decode(wide)).toMatchObject({ weightsBytes, isStored: false });
    expect(wide.length - narrow.length).toBeGreaterThan(weightsBytes * (1 - atMost) * 0.8);
    for (const tier of tiers) {
      const [a, b] = [wide, narrow].map((bytes) => {
        const model = createModel(wasm, bytes, { tier });
        (model.input() as Float32Array).set(inputs[0] as Float32Array);
        model.invoke();
        return model.output().slice();
      });
      expect(b, tier).toEqual(a);
    }
  });
});

test("weights without a narrower form stay as they run", () => {
  for (const kind of ["int8", "float32"] as Kind[]) {
    const { graph } = caseOf(randomFrom(5), fullyConnectedGraph(randomFrom(5), [1], 16, 64, { kind }));
    const { bytes } = pack(graph);
    expect(decode(bytes).isStored).toBe(false);
    expect(bytes).toEqual(pack(graph, { narrow: false }).bytes);
  }
});

test("a float16 that stands for a float32 is exact, and missing where there is none", () => {
  for (const value of [
    0,
    -0,
    1,
    -2,
    65504,
    2 ** -14,
    2 ** -24,
    1023 * 2 ** -24,
    Infinity,
    -Infinity,
    0.333251953125,
  ])
    expect(new Float16(halfOf(value)!).value).toBe(value);
  for (const value of [Number.NaN, 65536, 1 / 3, 2 ** -25, 2049.5])
    expect(halfOf(Math.fround(value))).toBeUndefined();
});

/** float16 by its definition. */
class Float16 {
  readonly value: number;
  constructor(bits: number) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) this.value = sign * Infinity;
    else if (exponent === 0) this.value = sign * fraction * 2 ** -24;
    else this.value = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
}

describe("damaged sections of stored weights are refused", () => {
  const packed = pack(layer("int8", (r) => (r.int(0, 3) ? 0 : r.int(-8, 7))).graph).bytes;
  const at = (bytes: Uint8Array): number => {
    const view = new DataView(bytes.buffer);
    for (let i = 64; ; i += SECTION_BYTES)
      if (view.getUint32(i, true) === SECTION_STORED) return view.getUint32(i + 8, true);
  };
  const damage: [string, (view: DataView, at: number) => void][] = [
    ["nothing becomes of it", (v, o) => v.setUint32(o, 0, true)],
    ["more than it can become", (v, o) => v.setUint32(o, 0x7fffffff, true)],
    ["a few bytes more", (v, o) => v.setUint32(o, v.getUint32(o, true) + 64, true)],
    ["a few bytes less", (v, o) => v.setUint32(o, v.getUint32(o, true) - 64, true)],
    ["an unknown kind", (v, o) => v.setUint32(o + 4, 9, true)],
    ["an empty part", (v, o) => v.setUint32(o + 8, 0, true)],
    ["a part beyond the end", (v, o) => v.setUint32(o + 8, 0x40000000, true)],
    [
      "more elements than stored",
      (v, o) => {
        for (let i = 12; i < 60; i++) v.setUint8(o + i, 255);
      },
    ],
  ];
  test.each(damage)("%s", (_, change) => {
    const bytes = packed.slice();
    const view = new DataView(bytes.buffer);
    change(view, at(bytes));
    view.setUint32(12, checksum(bytes, 16), true);
    for (const tier of tiers)
      expect(() => createModel(wasm, bytes, { tier, name: "m.nbl" })).toThrow(/m\.nbl: /);
  });
});

test("parts without bytes, as of layers without weights, take no room", () => {
  const part = { bytes: new Uint8Array(4096).fill(3), isFloat: false };
  const empty = { bytes: new Uint8Array(0), isFloat: false };
  expect(storeWeights([empty, part, empty])).toEqual(storeWeights([part]));
});

test("no parts, no section", () => expect(storeWeights([])).toBeUndefined());
