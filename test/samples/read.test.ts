import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import wavefile from "wavefile";
import { createFeatures } from "../../src/audio/features.ts";
import { frontEnds } from "../../src/audio/front-end.ts";
import type { InputSpec } from "../../src/samples/convert.ts";
import { classOf, listSamples } from "../../src/samples/list.ts";
import { writeNpy } from "../../src/samples/npy.ts";
import { createReader, openSamples } from "../../src/samples/read.ts";
import { workspace } from "../helpers/workspace.ts";

const { path, write: put } = workspace();

const floats = (...values: number[]) =>
  writeNpy({ dtype: "float32", shape: [values.length], data: Float32Array.from(values) });

function wav(samples: ArrayLike<number>, rate = 16000): Uint8Array {
  const file = new wavefile.WaveFile();
  file.fromScratch(1, rate, "16", samples);
  return file.toBuffer();
}

const input = (shape: number[], extra: Partial<InputSpec> = {}): InputSpec => ({
  name: "x",
  dtype: "float32",
  shape,
  ...extra,
});
const int8: Partial<InputSpec> = {
  dtype: "int8",
  quantization: { scale: Float32Array.of(0.5), zeroPoint: Int32Array.of(-10), axis: 0 },
};

describe("listSamples", () => {
  it("sorts by name and leaves out other files", () => {
    for (const name of ["b.npy", "a.npy", "B.npy", ".hidden.npy", "README.md"])
      put(`flat/${name}`, floats(1));
    expect(listSamples(path("flat"))).toEqual(
      ["B.npy", "a.npy", "b.npy"].map((name) => ({ file: path("flat", name) })),
    );
  });

  it("takes labels from sub-folders and from names", () => {
    put("classes/yes/1.npy", floats(1));
    put("classes/no/2_7.npy", floats(1));
    put("classes/_silence__12.npy", floats(1));
    put("classes/plain.npy", floats(1));
    expect(listSamples(path("classes"))).toEqual([
      { file: path("classes/_silence__12.npy"), label: "_silence_" },
      { file: path("classes/no/2_7.npy"), label: "no" },
      { file: path("classes/plain.npy") },
      { file: path("classes/yes/1.npy"), label: "yes" },
    ]);
  });

  it("takes a single file", () => {
    const file = put("one/left_3.npy", floats(1));
    expect(listSamples(file)).toEqual([{ file, label: "left" }]);
  });

  it("says where there is nothing", () => {
    put("empty/readme.txt", floats(1));
    expect(() => listSamples(path("empty"))).toThrow(/empty: no samples; expected files ending in \.bin/);
    expect(() => listSamples(path("absent"))).toThrow(
      expect.objectContaining({
        code: "io",
        message: expect.stringMatching(/absent: cannot be read \(ENOENT\)/),
      }),
    );
  });
});

describe("classOf", () => {
  it("looks labels up, or reads them as numbers", () => {
    expect(classOf({ file: "f", label: "no" }, ["yes", "no"])).toBe(1);
    expect(classOf({ file: "f", label: "7" })).toBe(7);
    expect(classOf({ file: "f", label: "img" })).toBeUndefined();
    expect(classOf({ file: "f" }, ["yes"])).toBeUndefined();
    expect(classOf({ file: "f", label: "silence" }, ["yes", "_silence_"])).toBe(1);
    expect(() => classOf({ file: "f", label: "up" }, ["yes", "no"])).toThrow(
      'f: label "up" is not among the labels yes, no',
    );
  });
});

describe("createReader", () => {
  it("accepts shapes that differ in dimensions of 1 only", () => {
    const bytes = writeNpy({ dtype: "float32", shape: [2, 3], data: new Float32Array(6).fill(2) });
    const file = put("shape.npy", bytes);
    expect(createReader([input([1, 2, 3, 1])])(file)).toEqual([new Float32Array(6).fill(2)]);
    expect(() => createReader([input([3, 2])])(file)).toThrow(
      /shape\.npy: input "x" expected shape \[3,2\], found \[2,3\]/,
    );
  });

  it("converts numbers to what the input holds", () => {
    const bytes = put("u8.npy", writeNpy({ dtype: "uint8", shape: [3], data: Uint8Array.of(0, 7, 255) }));
    expect(createReader([input([3])])(bytes)).toEqual([Float32Array.of(0, 7, 255)]);
    expect(createReader([input([3], { dtype: "int32" })])(bytes)).toEqual([Int32Array.of(0, 7, 255)]);
    expect(() => createReader([input([3], int8)])(bytes)).toThrow(
      /x" is int8, element 2 of the uint8 array is 255/,
    );
    const real = put("real.npy", floats(0, 1, -1000, 0.25, 0.75));
    expect(createReader([input([5], int8)])(real)).toEqual([Int8Array.of(-10, -8, -128, -10, -8)]);
    expect(createReader([input([5], { ...int8, dtype: "uint8" })])(real)).toEqual([
      Uint8Array.of(0, 0, 0, 0, 0),
    ]);
    expect(() => createReader([input([5], { dtype: "int32" })])(real)).toThrow(
      /"x" is int32 without a scale/,
    );
  });

  it("reads raw bytes in the input's own type", () => {
    const file = put("raw.bin", new Uint8Array(Int16Array.of(1, -2, 300).buffer));
    expect(createReader([input([3], { dtype: "int16" })])(file)).toEqual([Int16Array.of(1, -2, 300)]);
    expect(() => createReader([input([3])])(file)).toThrow(
      /raw\.bin: input "x" expected 12 bytes \(float32 \[3\]\), found 6/,
    );
  });

  it("finds each input's array in a .npz", () => {
    const inputs = [input([1]), { ...input([2]), name: "state" }];
    const both = put("both.npz", zipSync({ "state.npy": floats(2, 3), "x.npy": floats(1) }));
    expect(createReader(inputs)(both)).toEqual([Float32Array.of(1), Float32Array.of(2, 3)]);
    const one = put("one.npz", zipSync({ "arr_0.npy": floats(1) }));
    expect(createReader([input([1])])(one)).toEqual([Float32Array.of(1)]);
    expect(() => createReader(inputs)(one)).toThrow(/one\.npz: no array for input "x"; found "arr_0"/);
    expect(() => createReader(inputs)(put("single.npy", floats(1)))).toThrow(
      /the model has 2 inputs \("x", "state"\)/,
    );
  });

  it("turns WAV files into samples, padded or cut", () => {
    const file = put("clip.wav", wav([16384, -16384, 8192]));
    expect(createReader([input([1, 5])])(file)).toEqual([Float32Array.of(0.5, -0.5, 0.25, 0, 0)]);
    expect(createReader([input([2])])(file)).toEqual([Float32Array.of(0.5, -0.5)]);
    expect(() => createReader([input([2])], { fit: false })(file)).toThrow(
      /clip\.wav: expected 2 samples, found 3/,
    );
    const slow = put("slow.wav", wav([1, 2], 8000));
    expect(() => createReader([input([2])])(slow)).toThrow(
      /slow\.wav: sample rate is 8000 Hz, expected 16000/,
    );
    expect(createReader([input([2])], { sampleRate: 8000 })(slow)[0]!.length).toBe(2);
  });

  it("turns WAV files into log-mel features where the input is 49×40", () => {
    const clip = Float32Array.from({ length: 12000 }, (_, n) => Math.round(9000 * Math.sin(n / 9)));
    const file = put("tone.wav", wav(clip));
    const padded = new Float32Array(16000);
    padded.set(clip.map((v) => v / 32768));
    const expected = createFeatures(frontEnds["log-mel"], [1, 49, 40])(padded);
    const read = createReader([input([1, 49, 40, 1])]);
    const [features] = read(file);
    expect(features).toEqual(expected);
    // A second clip must not overwrite the first one's features.
    read(put("quiet.wav", wav([0, 0])));
    expect(features).toEqual(expected);
    expect(createReader([input([1960])], { audio: "samples" })(file)[0]![1]).toBe(padded[1]);
    expect(() => createReader([input([7])], { audio: "log-mel" })(file)).toThrow(/features are 49×40 values/);
  });

  it("names files it can't open or does not know", () => {
    const read = createReader([input([1])]);
    expect(() => read(path("gone.npy"))).toThrow(expect.objectContaining({ code: "io" }));
    expect(() => read(put("a.gif", Uint8Array.of(1)))).toThrow(
      /a\.gif: expected a file ending in \.bin, \.jpeg/,
    );
  });
});

describe("openSamples", () => {
  it("walks lazily, more than once, with class numbers", () => {
    put("set/no/0.npy", floats(1));
    put("set/yes/0.npy", floats(2));
    const broken = put("set/yes/1.npy", Uint8Array.of(1));
    const samples = openSamples(path("set"), [input([1])], { labels: ["yes", "no"] });
    expect(samples.length).toBe(3);
    for (let walk = 0; walk < 2; walk++) {
      const iterator = samples[Symbol.iterator]();
      expect(iterator.next().value).toEqual({
        name: path("set/no/0.npy"),
        inputs: [Float32Array.of(1)],
        label: 1,
      });
      expect(iterator.next().value).toMatchObject({ label: 0, inputs: [Float32Array.of(2)] });
      expect(() => iterator.next()).toThrow(`${broken}: not a .npy file`);
    }
  });

  it("takes many samples out of one array, with labels beside it", () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    const stacked = writeNpy({ dtype: "float32", shape: [3, 2], data });
    const labels = writeNpy({ dtype: "int64", shape: [3], data: BigInt64Array.of(2n, 0n, 1n) });
    const file = put("stack.npz", zipSync({ "labels.npy": labels, "arr_0.npy": stacked }));
    const samples = openSamples(file, [input([1, 2])]);
    expect(samples.length).toBe(3);
    expect([...samples]).toEqual([
      { name: `${file}[0]`, inputs: [Float32Array.of(1, 2)], label: 2 },
      { name: `${file}[1]`, inputs: [Float32Array.of(3, 4)], label: 0 },
      { name: `${file}[2]`, inputs: [Float32Array.of(5, 6)], label: 1 },
    ]);
    const plain = put("stack.npy", stacked);
    expect([...openSamples(plain, [input([2, 1], int8)])][1]).toEqual({
      name: `${plain}[1]`,
      inputs: [Int8Array.of(-4, -2)],
    });
    // The array of one sample is one sample.
    expect([...openSamples(plain, [input([1, 3, 2])])]).toEqual([{ name: plain, inputs: [data] }]);
    expect(() => [...openSamples(plain, [input([7])])]).toThrow(
      /stack\.npy: input "x" expected shape \[7\], found/,
    );
  });
});
