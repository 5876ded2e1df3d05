import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ALIGNMENT,
  CHECKSUM_FROM,
  DTYPE_FLOAT32,
  DTYPE_INT8,
  H_CHECKSUM,
  H_FILE_BYTES,
  H_MAGIC,
  H_VERSION,
  MAGIC,
  O_BYTES,
  O_CODE,
  O_INPUT,
  O_INPUT2,
  O_OUTPUT,
  VERSION,
} from "../../assembly/format.ts";
import { checksum } from "../../src/format/checksum.ts";
import { decode } from "../../src/format/decode.ts";
import { encode, type PackedModel, type TensorRecord } from "../../src/format/encode.ts";
import { NibbleError } from "../../src/runtime/errors.ts";

const tensorRecord: fc.Arbitrary<TensorRecord> = fc.record({
  name: fc.string({ unit: "grapheme", maxLength: 12 }).filter((name) => !name.includes("\0")),
  dtype: fc.constantFrom(DTYPE_FLOAT32, DTYPE_INT8),
  shape: fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 8 }),
  region: fc.integer({ min: 0, max: 2 }),
  offset: fc.integer({ min: 0, max: 2 ** 31 }),
  bytes: fc.integer({ min: 0, max: 2 ** 31 }),
  scale: fc.float({ min: 0, noNaN: true, noDefaultInfinity: true }),
  zeroPoint: fc.integer({ min: -128, max: 255 }),
});

function operator(code: number, [input, input2, output]: readonly number[], extra: number): Uint8Array {
  const bytes = new Uint8Array(20 + extra * 4).fill(code);
  const view = new DataView(bytes.buffer);
  for (const [field, value] of [
    [O_CODE, code],
    [O_BYTES, bytes.length],
    [O_INPUT, input!],
    [O_INPUT2, input2!],
    [O_OUTPUT, output!],
  ] as const)
    view.setInt32(field, value, true);
  return bytes;
}

const packedModel: fc.Arbitrary<PackedModel> = fc
  .array(tensorRecord, { minLength: 1, maxLength: 6 })
  .chain((tensors) => {
    const index = fc.integer({ min: 0, max: tensors.length - 1 });
    const operators = fc.array(
      fc.tuple(
        fc.integer({ min: 1, max: 25 }),
        fc.tuple(index, fc.constant(-1), index),
        fc.integer({ min: 0, max: 9 }),
      ),
      { maxLength: 5 },
    );
    return fc.record(
      {
        tensors: fc.constant(tensors),
        operators: operators.map((list) => list.map((o) => operator(...o))),
        inputs: fc.array(index, { maxLength: 3 }),
        outputs: fc.array(index, { maxLength: 3 }),
        weights: fc.uint8Array({ maxLength: 100 }),
        arenaBytes: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        stateBytes: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        metadata: fc.jsonValue(),
        report: fc.jsonValue(),
      },
      { requiredKeys: ["tensors", "operators", "inputs", "outputs", "weights", "arenaBytes", "stateBytes"] },
    );
  });

const json = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value));

test("what is encoded is decoded", () => {
  fc.assert(
    fc.property(packedModel, (model) => {
      const contents = decode(encode(model));
      expect(
        contents.tensors.map(({ dtype, ...rest }) => ({ ...rest, isFloat: dtype === "float32" })),
      ).toEqual(model.tensors.map(({ dtype, ...rest }) => ({ ...rest, isFloat: dtype === DTYPE_FLOAT32 })));
      expect(
        contents.operators.map((o) =>
          new Uint8Array(o.record.buffer, o.record.byteOffset, o.record.byteLength).slice(),
        ),
      ).toEqual(model.operators);
      expect(contents).toMatchObject({
        inputs: model.inputs,
        outputs: model.outputs,
        weightsBytes: model.weights.length,
        arenaBytes: model.arenaBytes,
        stateBytes: model.stateBytes,
      });
      expect([contents.metadata, contents.report]).toEqual([json(model.metadata), json(model.report)]);
    }),
    { seed: 3, numRuns: 300 },
  );
});

test("the same model gives the same bytes, whole blocks, with a right header", () => {
  fc.assert(
    fc.property(packedModel, (model) => {
      const bytes = encode(model);
      expect(Buffer.compare(bytes, encode(structuredClone(model)))).toBe(0);
      const view = new DataView(bytes.buffer);
      expect(bytes.length % ALIGNMENT).toBe(0);
      expect(
        [H_MAGIC, H_VERSION, H_FILE_BYTES, H_CHECKSUM].map((field) => view.getUint32(field, true)),
      ).toEqual([MAGIC, VERSION, bytes.length, checksum(bytes, CHECKSUM_FROM)]);
    }),
    { seed: 4, numRuns: 100 },
  );
});

const empty: PackedModel = {
  tensors: [],
  operators: [],
  inputs: [],
  outputs: [],
  weights: new Uint8Array(0),
  arenaBytes: 0,
  stateBytes: 0,
};

describe("decode refuses", () => {
  const bytes = encode({ ...empty, metadata: { a: 1 } });
  test.each([
    ["nothing", new Uint8Array(0)],
    ["text", new TextEncoder().encode("x".repeat(100))],
    ["a header alone", bytes.slice(0, 64)],
    ["half a file", bytes.slice(0, 128)],
  ])("%s", (_, part) => {
    expect(() => decode(part, "m.nbl")).toThrow(NibbleError);
    expect(() => decode(part, "m.nbl")).toThrow(/^m\.nbl: /);
  });

  test("metadata that is not JSON", () => {
    const broken = bytes.slice();
    broken[Buffer.from(bytes).indexOf('{"a":1}')] = 0x5b;
    expect(() => decode(broken).metadata).toThrow(/section 7 is not JSON/);
  });
});

test("a tensor of nine dimensions is refused by name", () => {
  const tensor: TensorRecord = {
    name: "deep",
    dtype: DTYPE_INT8,
    shape: new Array(9).fill(1),
    region: 0,
    offset: 0,
    bytes: 1,
    scale: 0,
    zeroPoint: 0,
  };
  expect(() => encode({ ...empty, tensors: [tensor] })).toThrow(/tensor "deep".*8 dimensions, found 9/);
});

test("checksum is FNV-1a over little-endian words, turned left by 13 after each", () => {
  expect(checksum(new Uint8Array(0), 0)).toBe(0x811c9dc5);
  expect(checksum(new Uint8Array(4), 0)).toBe(0x8ba3e0a1);
  expect(checksum(Uint8Array.of(9, 9, 9, 9, 0, 0, 0, 0), 4)).toBe(0x8ba3e0a1);
});

test("changes of the same bit in several words never cancel out", () => {
  const bytes = new Uint8Array(256).map((_, i) => i * 37);
  const sound = checksum(bytes, 0);
  for (let bit = 0; bit < 32; bit++)
    for (let a = 0; a < 64; a++)
      for (let b = 0; b < a; b++) {
        const changed = bytes.slice();
        for (const word of [a, b]) changed[word * 4 + (bit >> 3)]! ^= 1 << (bit & 7);
        expect(checksum(changed, 0)).not.toBe(sound);
      }
});
