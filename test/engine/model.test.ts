import { describe, expect, test } from "vitest";
import { loadModel, loadModelSync, type Model, NibbleError } from "../../src/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { wasmBytes } from "../../src/wasm.ts";
import { activationTensor, graphOf, node, randomFrom } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";
import { borders, smallModel, twoInputs } from "./build.ts";

const refusal = (act: () => unknown): NibbleError => {
  try {
    act();
  } catch (error) {
    if (error instanceof NibbleError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

const ints = (...values: number[]) => Int8Array.of(...values);

describe.each(tiers)("a model in tier %s", (tier) => {
  const load = (bytes: Uint8Array): Model => loadModelSync(bytes, { tier, name: "small.nbl" });

  test("describes its inputs, outputs, memory, tier and metadata", () => {
    const model = load(smallModel());
    expect(model.tier).toBe(tier);
    expect(model.inputs).toMatchObject([{ name: "x", dtype: "int8", shape: [1, 6] }]);
    expect(model.inputs[0]!.scale).toBeGreaterThan(0);
    expect(model.outputs).toMatchObject([{ name: "y", dtype: "int8", shape: [1, 4] }]);
    expect(model.metadata).toEqual({ labels: ["a", "ü"] });
    const { weights, arena, state, total } = model.memory;
    expect([weights % 16, arena % 64, state]).toEqual([0, 0, 0]);
    expect(total).toBeGreaterThan(weights + arena);
    expect(total).toBe(model.input().buffer.byteLength);
  });

  test("runs by name, whatever the order, and answers all outputs by name", () => {
    const model = load(twoInputs());
    const outputs = model.run({ right: Float32Array.of(10, 20, 30), left: Float32Array.of(1, 2, 3) });
    expect(outputs).toEqual({ sum: Float32Array.of(21, 42, 63), scaled: Float32Array.of(20, 40, 60) });
  });

  test("its views are live and the same on every call", () => {
    const model = load(twoInputs());
    const [left, right, sum] = [model.input("left"), model.input("right"), model.output("sum")];
    expect(model.input()).toBe(model.input(model.inputs[0]!.name));
    expect(model.output()).toBe(sum);
    (left as Float32Array).set([1, 1, 1]);
    (right as Float32Array).set([0.5, 1, 2]);
    model.invoke();
    expect(sum).toEqual(Float32Array.of(2, 3, 5));
    expect(model.run({ left: Float32Array.of(0, 0, 0), right: Float32Array.of(1, 1, 1) }).sum).toBe(sum);
    expect(sum).toEqual(Float32Array.of(2, 2, 2));
  });

  test("the same values give the same outputs, again and in another instance", () => {
    const [a, b] = [load(smallModel()), load(smallModel())];
    const x = ints(1, -2, 3, -4, 5, -6);
    const first = a.run({ x }).y!.slice();
    expect(a.run({ x }).y).toEqual(first);
    expect(b.run({ x }).y).toEqual(first);
  });

  test("instances do not share memory: interleaved runs stay apart", () => {
    const [a, b, c] = [load(smallModel("int8", 1)), load(smallModel("int8", 2)), load(twoInputs())];
    const [p, q] = [ints(9, 8, 7, 6, 5, 4), ints(-9, 80, -7, 60, -5, 40)];
    const [alone, other] = [a.run({ x: p }).y!.slice(), b.run({ x: q }).y!.slice()];
    for (let i = 0; i < 5; i++) {
      const ya = a.run({ x: p }).y!;
      const yb = b.run({ x: q }).y!;
      c.run({ left: Float32Array.of(i, i, i), right: Float32Array.of(1, 2, 3) });
      expect(ya).toEqual(alone);
      expect(yb).toEqual(other);
      expect(c.output()).toEqual(Float32Array.of(i + 2, i + 4, i + 6));
    }
    expect(a.input().buffer).not.toBe(b.input().buffer);
  });

  test("reset leaves a model without state as it was", () => {
    const model = load(smallModel());
    const x = ints(1, 2, 3, 4, 5, 6);
    const before = model.run({ x }).y!.slice();
    model.reset();
    expect(model.run({ x }).y).toEqual(before);
  });

  test("float values at an int8 input are quantized by the rule of QUANTIZE", () => {
    const random = randomFrom(5);
    for (const [scale, zeroPoint] of [
      [0.1, -3],
      [0.5, 0],
      [1 / 3, 127],
      [0.7, -128],
    ] as const) {
      const steps = Array.from(
        { length: 400 },
        (_, i) => (i - 200) / 2 + (i % 3 ? random.real(-0.01, 0.01) : 0),
      );
      const values = Float32Array.from([
        ...steps.map((v) => v * scale),
        1e30,
        -1e30,
        Infinity,
        -Infinity,
        0,
        -0,
        1e-45,
      ]);
      const { inside, outside } = borders(scale, zeroPoint, values.length);
      const expected = load(inside).run({ x: values }).q!;
      expect(load(outside).run({ q: values }).y).toEqual(expected);
    }
  });

  test("NaN at an int8 input is what QUANTIZE makes of it", () => {
    const { inside, outside } = borders(0.1, 5, 1);
    const x = Float32Array.of(Number.NaN);
    expect(load(outside).run({ q: x }).y).toEqual(load(inside).run({ x }).q);
  });

  test("wrong values are refused by tensor, expected and found", () => {
    const model = load(smallModel());
    const cases: [Record<string, never>, RegExp][] = [
      [{ x: ints(1, 2, 3) } as never, /input "x".*expected 6 values.*found 3/],
      [{ x: Float32Array.of(1) } as never, /input "x".*expected 6 values.*found 1/],
      [{ x: new Uint8Array(6) } as never, /input "x".*expected int8.*Uint8Array/],
      [{ x: new Int32Array(6) } as never, /input "x".*expected int8.*Int32Array/],
      [{}, /small\.nbl.*expected.*"x".*nothing/],
      [{ wrong: ints(1, 2, 3, 4, 5, 6) } as never, /expected.*"x".*"wrong"/],
    ];
    for (const [inputs, message] of cases) {
      const error = refusal(() => model.run(inputs));
      expect(error.code).toBe("bad-input");
      expect(error.message).toMatch(message);
    }
    expect(refusal(() => model.input("z")).message).toMatch(/small\.nbl.*input.*"x".*"z"/);
    expect(refusal(() => model.output("z")).message).toMatch(/small\.nbl.*output.*"y".*"z"/);
  });

  test("float32 inputs take Float32Array only", () => {
    const error = refusal(() =>
      load(twoInputs()).run({ left: new Float64Array(3) as never, right: new Float32Array(3) }),
    );
    expect(error).toMatchObject({
      code: "bad-input",
      message: expect.stringMatching(/"left".*float32.*Float64Array/),
    });
  });

  test("after dispose every call throws TypeError", () => {
    const model = load(smallModel());
    model.dispose();
    const x = ints(1, 2, 3, 4, 5, 6);
    for (const call of [
      () => model.run({ x }),
      () => model.invoke(),
      () => model.reset(),
      () => model.input(),
      () => model.output("y"),
    ])
      expect(call).toThrow(TypeError);
    model.dispose();
  });

  test("a uint8 model keeps uint8 at its ends", () => {
    const model = load(smallModel("uint8"));
    expect([model.inputs[0]!.dtype, model.outputs[0]!.dtype]).toEqual(["uint8", "uint8"]);
    expect(model.run({ x: Uint8Array.of(0, 50, 100, 150, 200, 255) }).y).toBeInstanceOf(Uint8Array);
  });
});

test("every tier answers the same bytes", () => {
  const x = ints(-128, 127, 0, 5, -5, 64);
  const [first, ...others] = tiers.map((tier) => loadModelSync(smallModel(), { tier }).run({ x }).y);
  for (const other of others) expect(other).toEqual(first);
});

test("a compiled module is used as it is and names its own tier", async () => {
  for (const tier of tiers) {
    if (tier === "script") continue;
    const model = await loadModel(smallModel(), { wasm: new WebAssembly.Module(wasmBytes[tier]) });
    expect(model.tier).toBe(tier);
    expect(model.run({ x: ints(1, 2, 3, 4, 5, 6) }).y).toHaveLength(4);
  }
});

test("a module that is not the engine is refused", async () => {
  const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  await expect(loadModel(smallModel(), { wasm: empty })).rejects.toMatchObject({
    name: "NibbleError",
    code: "unsupported-engine",
  });
});

test("loadModel takes ArrayBuffer, Uint8Array in the middle of a buffer, and Response", async () => {
  const bytes = smallModel();
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  const x = ints(1, 2, 3, 4, 5, 6);
  const expected = loadModelSync(bytes).run({ x }).y;
  for (const source of [bytes.slice().buffer, shifted.subarray(3), new Response(bytes.slice())])
    expect((await loadModel(source)).run({ x }).y).toEqual(expected);
  await expect(loadModel(new Response("gone", { status: 404 }))).rejects.toMatchObject({ code: "io" });
});

test("files that are no models are refused by name", () => {
  const bytes = smallModel();
  const version = bytes.slice();
  version[4] = 9;
  const flipped = bytes.slice();
  flipped[bytes.length - 70]! ^= 1;
  const longer = new Uint8Array(bytes.length + 64);
  longer.set(bytes);
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /m\.nbl: expected 64 bytes, found 0/],
    [new TextEncoder().encode("<!doctype html>".repeat(10)), /m\.nbl: expected a packed model/],
    [version, /expected format version 1, found 9/],
    [bytes.slice(0, 128), /expected \d+ bytes, found 128.*cut short/],
    [longer, /expected \d+ bytes, found \d+.*appended/],
    [flipped, /expected checksum 0x[0-9a-f]{8}, found 0x[0-9a-f]{8}/],
  ];
  for (const [file, message] of cases)
    for (const tier of tiers) {
      const error = refusal(() => loadModelSync(file, { tier, name: "m.nbl" }));
      expect(error.code).toBe("bad-file");
      expect(error.message).toMatch(message);
    }
});

test("an output that is an input under another shape is a copy of it", () => {
  const x = activationTensor("x", "float32", [2, 3]);
  const y = activationTensor("y", "float32", [6]);
  const model = loadModelSync(pack(graphOf([node("reshape", [x], y, {})])).bytes);
  const values = Float32Array.of(1, 2, 3, 4, 5, 6);
  expect(model.run({ x: values }).y).toEqual(values);
  expect(model.output().byteOffset).not.toBe(model.input().byteOffset);
});
