import { encode as encodePng } from "fast-png";
import jpeg from "jpeg-js";
import { describe, expect, it } from "vitest";
import type { InputSpec } from "../../src/samples/convert.ts";
import type { ImageOptions } from "../../src/samples/image.ts";
import { readPicture } from "../../src/samples/picture.ts";
import { createReader, openSamples } from "../../src/samples/read.ts";
import { type Picture, resize } from "../../src/samples/resize.ts";
import { workspace } from "../helpers/workspace.ts";

const { path, write: put } = workspace();

const input = (shape: number[], extra: Partial<InputSpec> = {}): InputSpec => ({
  name: "image",
  dtype: "float32",
  shape,
  ...extra,
});

/** Red rises to the right, green downwards, blue both. */
const value = (x: number, y: number, c: number): number => [40 * x, 50 * y, 20 * (x + y)][c]!;
function scene(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    value(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3),
  );
}
const png = (width: number, height: number) =>
  encodePng({ width, height, data: scene(width, height), channels: 3 });
const read = (file: string, spec: InputSpec, image: ImageOptions = {}) =>
  createReader([spec], { image })(file)[0]!;

describe("PNG", () => {
  it("gives every pixel as it was, gray, colored, with transparency or without", () => {
    for (const channels of [1, 2, 3, 4]) {
      const data = Uint8Array.from({ length: 5 * 3 * channels }, (_, i) => (i * 37) % 256);
      const picture = readPicture(encodePng({ width: 5, height: 3, data, channels }), "p.png");
      const kept = channels < 3 ? 1 : 3;
      expect([picture.width, picture.height, picture.channels]).toEqual([5, 3, kept]);
      const expected = [...data].filter((_, i) => i % channels < kept);
      expect([...picture.data]).toEqual(expected);
    }
  });

  it("keeps the fractions of 16 bits", () => {
    const data = Uint16Array.of(0, 65535, 257 * 100, 128);
    const picture = readPicture(encodePng({ width: 4, height: 1, data, channels: 1, depth: 16 }), "p.png");
    expect([...picture.data]).toEqual([0, 255, 100, Math.fround((128 * 255) / 65535)]);
  });

  it("unpacks 1, 2 and 4 bits, of gray and of palettes, with rows that end within a byte", () => {
    for (const depth of [1, 2, 4] as const) {
      const [width, height] = [7, 3];
      const stride = Math.ceil((width * depth) / 8);
      const indexes = Array.from({ length: width * height }, (_, i) => (i * 5 + (i >> 2)) % 2 ** depth);
      const data = new Uint8Array(stride * height);
      for (const [i, index] of indexes.entries()) {
        const bit = (i % width) * depth;
        data[Math.floor(i / width) * stride + (bit >> 3)]! |= index << (8 - depth - (bit & 7));
      }
      const palette = Array.from(
        { length: 2 ** depth },
        (_, i) => [i, 255 - i, 3 * i] as [number, number, number],
      );
      const gray = readPicture(encodePng({ width, height, data, channels: 1, depth }), "g.png");
      expect([...gray.data]).toEqual(indexes.map((v) => Math.fround((v * 255) / (2 ** depth - 1))));
      const colored = readPicture(encodePng({ width, height, data, channels: 1, depth, palette }), "c.png");
      expect([colored.channels, [...colored.data]]).toEqual([3, indexes.flatMap((v) => palette[v]!)]);
    }
  });
});

describe("JPEG", () => {
  it("gives what was put in, but for what the format loses", () => {
    const [width, height] = [24, 16];
    const data = new Uint8Array(width * height * 4);
    for (let i = 0; i < width * height; i++)
      data.set([5 * (i % width), 8 * Math.floor(i / width), 100, 255], 4 * i);
    const picture = readPicture(jpeg.encode({ width, height, data }, 100).data, "p.jpg");
    expect([picture.width, picture.height, picture.channels]).toEqual([width, height, 3]);
    for (let i = 0; i < picture.data.length; i++)
      expect(Math.abs(picture.data[i]! - data[Math.floor(i / 3) * 4 + (i % 3)]!)).toBeLessThan(6);
  });

  it("is told from PNG by its content, not its name", () => {
    const file = put(
      "named.png",
      jpeg.encode({ width: 8, height: 8, data: new Uint8Array(256).fill(255) }, 90).data,
    );
    expect(read(file, input([8, 8, 3]))).toEqual(new Float32Array(192).fill(1));
  });
});

/** The filter's definition, in the plane. */
function sampled(picture: Picture, x: number, y: number, c: number, stepX: number, stepY: number): number {
  const [reachX, reachY] = [Math.max(1, stepX), Math.max(1, stepY)];
  let [sum, total] = [0, 0];
  for (let j = 0; j < picture.height; j++)
    for (let i = 0; i < picture.width; i++) {
      const wx = Math.max(0, 1 - Math.abs(i + 0.5 - x) / reachX);
      const wy = Math.max(0, 1 - Math.abs(j + 0.5 - y) / reachY);
      sum += wx * wy * picture.data[(j * picture.width + i) * picture.channels + c]!;
      total += wx * wy;
    }
  return sum / total;
}

describe("resize", () => {
  const picture = (width: number, height: number, channels = 3): Picture => ({
    width,
    height,
    channels,
    data: Float32Array.from({ length: width * height * channels }, (_, i) => (i * 89 + i * i) % 256),
  });

  it("leaves a picture of the right size alone", () => {
    for (const fit of ["crop", "stretch", "pad"] as const)
      expect(resize(picture(6, 4), 6, 4, fit)).toEqual(picture(6, 4));
  });

  it("is the triangle filter, larger and smaller, wide and high", () => {
    for (const [w, h, width, height] of [
      [9, 7, 4, 3],
      [5, 4, 11, 9],
      [8, 3, 3, 8],
      [13, 1, 5, 1],
    ] as const) {
      const source = picture(w, h);
      const found = resize(source, width, height, "stretch");
      for (let i = 0; i < found.data.length; i++) {
        const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
        const [stepX, stepY] = [w / width, h / height];
        const expected = sampled(source, (x + 0.5) * stepX, (y + 0.5) * stepY, i % 3, stepX, stepY);
        expect(found.data[i]).toBeCloseTo(expected, 3);
      }
    }
  });

  it("cuts out the middle, and a share of it", () => {
    const wide = picture(12, 4);
    const middle = resize(wide, 4, 4, "crop");
    for (let y = 0; y < 4; y++)
      expect(middle.data.slice(y * 12, y * 12 + 12)).toEqual(
        wide.data.slice((y * 12 + 4) * 3, (y * 12 + 8) * 3),
      );
    const half = resize(picture(16, 8, 1), 4, 4, "crop", 0.5);
    for (let i = 0; i < 16; i++)
      expect(half.data[i]).toBe(picture(16, 8, 1).data[((i >> 2) + 2) * 16 + (i & 3) + 6]);
  });

  it("adds black around what does not fit", () => {
    const found = resize(picture(4, 2, 1), 4, 6, "pad");
    expect([...found.data]).toEqual([
      ...new Array(8).fill(0),
      ...picture(4, 2, 1).data,
      ...new Array(8).fill(0),
    ]);
    // A line stays a line.
    expect(resize(picture(100, 1, 1), 3, 3, "pad").data[0]).toBe(0);
  });
});

describe("what a model takes of a picture", () => {
  it("is from 0 to 1, or in another range, with mean and std", () => {
    const file = put("scene.png", png(3, 2));
    const values = [...scene(3, 2)];
    expect(read(file, input([1, 2, 3, 3]))).toEqual(Float32Array.from(values, (v) => v / 255));
    expect(read(file, input([2, 3, 3]), { range: 255 })).toEqual(Float32Array.from(values));
    const [mean, std] = [
      [0.5, 0.25, 0],
      [2, 4, 8],
    ];
    expect(read(file, input([2, 3, 3]), { mean, std })).toEqual(
      Float32Array.from(values, (v, i) => (v / 255 - mean[i % 3]!) / std[i % 3]!),
    );
    expect(read(file, input([2, 3, 3]), { range: 255, mean: [127.5], std: [127.5] })).toEqual(
      Float32Array.from(values, (v) => (v - 127.5) / 127.5),
    );
  });

  it("has the model's order of channels, mean included, and its layout", () => {
    const file = put("order.png", png(3, 2));
    const planes = [2, 1, 0].flatMap((c) =>
      Array.from({ length: 6 }, (_, i) => value(i % 3, Math.floor(i / 3), c) - (c === 2 ? 7 : 0)),
    );
    const image = { range: 255, channels: "bgr", mean: [7, 0, 0] } as const;
    expect(read(file, input([1, 3, 2, 3]), { ...image, layout: "nchw" })).toEqual(Float32Array.from(planes));
    const wide = put("wide.png", png(4, 2));
    // [3, 2, 4] can only be planes.
    expect(read(wide, input([3, 2, 4]), { range: 255 })![8]).toBe(value(0, 0, 1));
    expect(read(wide, input([3, 2, 4]), { range: 255 })![4]).toBe(value(0, 1, 0));
  });

  it("is gray of three colors, and three colors of gray", () => {
    const file = put("color.png", png(4, 2));
    const gray = Float32Array.from({ length: 8 }, (_, i) => {
      const [x, y] = [i % 4, Math.floor(i / 4)];
      return 0.299 * value(x, y, 0) + 0.587 * value(x, y, 1) + 0.114 * value(x, y, 2);
    });
    for (const shape of [
      [2, 4],
      [1, 2, 4, 1],
      [1, 1, 2, 4],
    ])
      expect(read(file, input(shape), { range: 255 })).toEqual(gray);
    const one = put("gray.png", encodePng({ width: 2, height: 1, data: Uint8Array.of(9, 200), channels: 1 }));
    expect(read(one, input([1, 2, 3]), { range: 255 })).toEqual(Float32Array.of(9, 9, 9, 200, 200, 200));
  });

  it("is quantized where the input has a scale, and bytes where it has none", () => {
    const file = put("bytes.png", png(3, 2));
    const values = [...scene(3, 2)];
    expect(read(file, input([2, 3, 3], { dtype: "uint8" }))).toEqual(Uint8Array.from(values));
    const quantization = { scale: Float32Array.of(1 / 255), zeroPoint: Int32Array.of(-128), axis: 0 };
    expect(read(file, input([2, 3, 3], { dtype: "int8", quantization }))).toEqual(
      Int8Array.from(values, (v) => v - 128),
    );
    expect(read(file, input([2, 3, 3], { dtype: "int8" }), { mean: [128] })).toEqual(
      Int8Array.from(values, (v) => v - 128),
    );
    const light = put(
      "light.png",
      encodePng({ width: 2, height: 2, data: new Uint8Array(4).fill(200), channels: 1 }),
    );
    expect(() => read(light, input([2, 2], { dtype: "int8" }))).toThrow(
      /light\.png: input "image" is int8, element \d+ of the int32 array is \d+/,
    );
  });
});

describe("refusals", () => {
  it("name the file and what is wrong with it", () => {
    const whole = png(20, 20);
    const photo = jpeg.encode(
      { width: 64, height: 64, data: new Uint8Array(64 * 64 * 4).map((_, i) => i * i) },
      90,
    ).data;
    const huge = whole.slice();
    new DataView(huge.buffer).setUint32(16, 2 ** 20);
    new DataView(huge.buffer).setUint32(20, 2 ** 20);
    const cases: [string, Uint8Array, RegExp][] = [
      [
        "text.png",
        new TextEncoder().encode("hello"),
        /text\.png: expected a PNG or JPEG picture, found neither/,
      ],
      ["empty.jpg", new Uint8Array(0), /empty\.jpg: expected a PNG or JPEG picture, found neither/],
      ["cut.png", whole.subarray(0, whole.length - 30), /cut\.png: not a readable PNG picture \(/],
      ["head.png", whole.subarray(0, 20), /head\.png: not a readable PNG picture \(the header is cut off\)/],
      ["huge.png", huge, /huge\.png: not a readable PNG picture \(1099512 megapixels, more than 100\)/],
      ["cut.jpg", photo.subarray(0, photo.length >> 1), /cut\.jpg: not a readable JPEG picture \(/],
      ["head.jpg", photo.subarray(0, 4), /head\.jpg: not a readable JPEG picture \(/],
    ];
    for (const [name, bytes, message] of cases)
      expect(() => read(put(name, bytes), input([8, 8, 3])), name).toThrow(
        expect.objectContaining({ code: "bad-input", message: expect.stringMatching(message) }),
      );
  });

  it("name the input that holds no picture, and settings of other channels", () => {
    const file = put("fine.png", png(4, 4));
    for (const shape of [[784], [1, 784], [2, 4, 4, 3], [4, 4, 4], [1, 4, 4, 2], [1, 2, 3, 4, 5]])
      expect(() => read(file, input(shape)), String(shape)).toThrow(
        /fine\.png: a picture fits inputs of height × width with 1 or 3 channels, last or first; input "image" is \[/,
      );
    expect(() => read(file, input([3, 4, 4]), { layout: "nhwc" })).toThrow(
      /1 or 3 channels, nhwc; input "image" is \[3,4,4\]/,
    );
    expect(() => read(file, input([4, 4, 1]), { mean: [1, 2, 3] })).toThrow(
      /fine\.png: mean expected one value or 1, one per channel of the input, found 3/,
    );
    expect(() => read(file, input([4, 4, 3]), { std: [1, 2] })).toThrow(
      /fine\.png: std expected one value or 3/,
    );
  });
});

it("openSamples walks a folder with a sub-folder of pictures per class", () => {
  put("set/cat/a.png", png(4, 4));
  put("set/dog/b.JPG", jpeg.encode({ width: 8, height: 8, data: new Uint8Array(256).fill(255) }, 90).data);
  const samples = openSamples(path("set"), [input([4, 4, 3])], { labels: ["dog", "cat"] });
  expect([...samples].map(({ name, label, inputs }) => [name, label, inputs[0]!.length])).toEqual([
    [path("set/cat/a.png"), 1, 48],
    [path("set/dog/b.JPG"), 0, 48],
  ]);
});
