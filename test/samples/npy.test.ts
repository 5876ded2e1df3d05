import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { arrayOf, type DType, elementCount, type TensorData } from "../../src/graph/graph.ts";
import { readNpy, writeNpy } from "../../src/samples/npy.ts";
import { readNpz } from "../../src/samples/npz.ts";

/** A version 1 file made from its text and body, byte by byte. */
function npy(header: string, body: ArrayBufferView, version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`);
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length, 0, 0, 0];
  const data = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode("NUMPY"),
    version,
    0,
    ...length,
    ...text,
    ...data,
  ]);
}

const header = (descr: string, shape: string, fortran = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

describe("readNpy", () => {
  it("reads versions 1, 2 and 3", () => {
    for (const version of [1, 2, 3]) {
      const file = npy(header("<f4", "(2, 3)"), Float32Array.of(1, 2, 3, 4, 5, 6), version);
      expect(readNpy(file, "a.npy")).toEqual({
        dtype: "float32",
        shape: [2, 3],
        data: Float32Array.of(1, 2, 3, 4, 5, 6),
      });
    }
  });

  it("narrows float64, keeps integers and booleans", () => {
    expect(readNpy(npy(header("<f8", "(2,)"), Float64Array.of(0.1, -3)), "a.npy").data).toEqual(
      Float32Array.of(0.1, -3),
    );
    expect(readNpy(npy(header("|b1", "(2,)"), Uint8Array.of(1, 0)), "a.npy")).toMatchObject({
      dtype: "bool",
    });
    expect(readNpy(npy(header("<i8", "()"), BigInt64Array.of(-5n)), "a.npy")).toEqual({
      dtype: "int64",
      shape: [],
      data: BigInt64Array.of(-5n),
    });
  });

  it("brings Fortran order into C order", () => {
    // The 2×3 array [[1, 2, 3], [4, 5, 6]] by columns.
    const file = npy(header("<i4", "(2, 3)", "True"), Int32Array.of(1, 4, 2, 5, 3, 6));
    expect(readNpy(file, "a.npy").data).toEqual(Int32Array.of(1, 2, 3, 4, 5, 6));
    const cube = Int16Array.from({ length: 24 }, (_, i) => {
      const [x, y, z] = [i % 2, Math.floor(i / 2) % 3, Math.floor(i / 6)];
      return (x * 3 + y) * 4 + z;
    });
    expect(readNpy(npy(header("<i2", "(2, 3, 4)", "True"), cube), "a.npy").data).toEqual(
      Int16Array.from({ length: 24 }, (_, i) => i),
    );
  });

  it.each([
    ["another format", Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), /x\.npy: not a \.npy file/],
    ["a short file", Uint8Array.of(0x93), /x\.npy: not a \.npy file/],
    ["a cut body", npy(header("<f4", "(4,)"), Float32Array.of(1, 2)), /needs 16 bytes, the file holds 8/],
    ["big-endian numbers", npy(header(">f4", "(1,)"), Float32Array.of(1)), /big-endian/],
    [
      "complex numbers",
      npy(header("<c8", "(1,)"), Float32Array.of(1, 2)),
      /element type "c8"; expected one of f4/,
    ],
    ["objects", npy(header("|O", "(1,)"), Uint8Array.of(1)), /element type "O"/],
    ["structured types", npy("{'descr': [('a', '<f4')]}", Uint8Array.of(1)), /unreadable header/],
    ["a cut header", npy(header("<f4", "(4,)"), new Uint8Array(0)).slice(0, 20), /header is cut off/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readNpy(bytes, "x.npy")).toThrow(message);
    expect(() => readNpy(bytes, "x.npy")).toThrow(expect.objectContaining({ code: "bad-input" }));
  });
});

describe("writeNpy", () => {
  const dtypes: DType[] = ["float32", "int8", "uint8", "bool", "int16", "int32", "int64"];

  it("round-trips every type and rank, aligned to 64 bytes", () => {
    const cases = fc.record({
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
      seed: fc.integer({ min: -100, max: 100 }),
    });
    fc.assert(
      fc.property(cases, ({ dtype, shape, seed }) => {
        const data: TensorData = new (arrayOf(dtype))(elementCount(shape));
        for (let i = 0; i < data.length; i++) data[i] = dtype === "int64" ? BigInt(seed + i) : seed + i;
        const bytes = writeNpy({ dtype, shape, data });
        expect((bytes.length - data.byteLength) % 64).toBe(0);
        expect(readNpy(bytes, "a.npy")).toEqual({ dtype, shape, data });
      }),
    );
  });

  it("writes only what a view covers", () => {
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    expect(readNpy(writeNpy({ dtype: "float32", shape: [2], data }), "a.npy").data).toEqual(
      Float32Array.of(1, 2),
    );
  });

  it("refuses a shape that the data does not have", () => {
    expect(() => writeNpy({ dtype: "float32", shape: [3], data: new Float32Array(2) })).toThrow(
      '"data" expected 3 elements for [3], got 2',
    );
  });
});

const numpy = spawnSync("python3", ["-c", "import numpy"]).status === 0;
describe.skipIf(!numpy)("writeNpy against numpy (skipped where python3 has no numpy)", () => {
  it("is read by numpy.load", () => {
    const bytes = writeNpy({ dtype: "float32", shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 4) });
    const script =
      "import sys,io,numpy; a=numpy.load(io.BytesIO(sys.stdin.buffer.read())); print(a.dtype, a.tolist())";
    const { stdout } = spawnSync("python3", ["-c", script], { input: bytes, encoding: "utf8" });
    expect(stdout.trim()).toBe("float32 [[1.0, -2.0], [0.5, 4.0]]");
  });
});

describe("readNpz", () => {
  it("reads arrays by name", () => {
    const file = zipSync({
      "x.npy": writeNpy({ dtype: "float32", shape: [1], data: Float32Array.of(3) }),
      "group/y.npy": writeNpy({ dtype: "int8", shape: [2], data: Int8Array.of(4, 5) }),
    });
    const arrays = readNpz(file, "a.npz");
    expect([...arrays.keys()]).toEqual(["x", "group/y"]);
    expect(arrays.get("group/y")).toEqual({ dtype: "int8", shape: [2], data: Int8Array.of(4, 5) });
  });

  it("names the file and the array at fault", () => {
    expect(() => readNpz(Uint8Array.of(1, 2, 3), "a.npz")).toThrow(/a\.npz: not a readable \.npz file/);
    expect(() => readNpz(zipSync({}), "a.npz")).toThrow("a.npz: no arrays inside");
    const bad = zipSync({ "x.npy": Uint8Array.of(1, 2, 3) });
    expect(() => readNpz(bad, "a.npz")).toThrow("a.npz: x.npy: not a .npy file");
  });
});
