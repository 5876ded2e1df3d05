import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantizeWeights } from "../../src/quantize/weights.ts";
import { constant, randomValues } from "./build.ts";

const perChannel = { axis: 0, perTensor: false };

describe("quantizeWeights", () => {
  const layer = fc.record({
    channels: fc.integer({ min: 1, max: 5 }),
    terms: fc.integer({ min: 1, max: 9 }),
    seed: fc.nat(),
    magnitude: fc.constantFrom(1e-30, 1e-6, 0.1, 1, 1000),
    biasMagnitude: fc.constantFrom(0, 1e-6, 1, 1e6),
    inputScale: fc.constantFrom(1e-6, 0.0039, 1, 50),
    perTensor: fc.boolean(),
    depthwise: fc.boolean(),
  });

  it("keeps weights on ±127, biases on the accumulator's grid, and the accumulator inside int32", () => {
    fc.assert(
      fc.property(
        layer,
        ({ channels, terms, seed, magnitude, biasMagnitude, perTensor, depthwise, ...rest }) => {
          const inputScale = Math.fround(rest.inputScale);
          const values = randomValues(channels * terms, seed, magnitude);
          const shape = depthwise ? [1, 1, terms, channels] : [channels, terms];
          const axis = depthwise ? 3 : 0;
          const channelOf = (i: number) => (depthwise ? i % channels : Math.floor(i / terms));
          const biases = randomValues(channels, seed + 1, biasMagnitude);
          const { weights, bias } = quantizeWeights(
            constant("w", shape, values),
            constant("b", [channels], biases),
            inputScale,
            { axis, perTensor },
          );
          const { scale, zeroPoint } = weights.quantization!;
          expect(scale.length).toBe(perTensor ? 1 : channels);
          expect(zeroPoint.every((z) => z === 0)).toBe(true);
          const sums = new Float64Array(channels);
          weights.data!.forEach((q, i) => {
            const s = scale[perTensor ? 0 : channelOf(i)]!;
            expect(Math.abs(Number(q))).toBeLessThanOrEqual(127);
            expect(Math.abs(values[i]! - s * Number(q))).toBeLessThanOrEqual(s * (0.5 + 1e-4));
            sums[channelOf(i)]! += Math.abs(Number(q)) * 255;
          });
          bias!.data!.forEach((q, c) => {
            const s = scale[perTensor ? 0 : c]!;
            expect(q).toBe(Math.round(biases[c]! / (inputScale * s)) + 0);
            expect(Math.abs(Number(q)) + sums[c]!).toBeLessThan(2 ** 31);
            expect(Math.abs(Number(q)) + terms * 2 ** 14).toBeLessThan(2 ** 31);
            expect(bias!.quantization!.scale[perTensor ? 0 : c]).toBe(Math.fround(inputScale * s));
          });
          expect(bias!.dtype).toBe("int32");
        },
      ),
      { numRuns: 300 },
    );
  });

  it("uses the whole of ±127 in every channel", () => {
    const weights = constant("w", [2, 2], [1, -0.5, 100, -200]);
    const { weights: q } = quantizeWeights(weights, null, 1, perChannel);
    expect(q.data).toEqual(Int8Array.of(127, -64, 64, -127));
    expect(q.quantization!.scale).toEqual(Float32Array.of(1 / 127, 200 / 127));
    expect(q.quantization!.axis).toBe(0);
    const whole = quantizeWeights(weights, null, 1, { axis: 0, perTensor: true }).weights;
    expect(whole.data).toEqual(Int8Array.of(1, 0, 64, -127));
    expect(whole.quantization!.scale).toEqual(Float32Array.of(200 / 127));
  });

  it("gives channels of zeros a scale that suits their bias", () => {
    const weights = constant("w", [2, 2], [0, 0, 1, -1]);
    const { weights: q, bias } = quantizeWeights(weights, constant("b", [2], [3, 3]), 0.5, perChannel);
    expect(q.quantization!.scale).toEqual(Float32Array.of(1 / 127, 1 / 127));
    expect(bias!.data).toEqual(Int32Array.of(762, 762));
    const zeros = quantizeWeights(constant("w", [1, 2], [0, 0]), constant("b", [1], [1]), 1, perChannel);
    expect(zeros.weights.quantization!.scale).toEqual(Float32Array.of(2 ** -7));
    expect(zeros.bias!.data).toEqual(Int32Array.of(128));
  });

  it("raises only the scale of the channel whose bias would overflow", () => {
    const weights = constant("w", [2, 1], [1e-9, 1]);
    const { weights: q, bias } = quantizeWeights(weights, constant("b", [2], [5, 5]), 0.1, perChannel);
    const [raised, plain] = q.quantization!.scale;
    expect(plain).toBe(Math.fround(1 / 127));
    expect(raised).toBeGreaterThan(1e-9 / 127);
    expect(bias!.data![0]).toBeGreaterThan(2 ** 30);
    expect(bias!.data![0]).toBeLessThan(2 ** 31 - 2 ** 15);
    expect(Number(bias!.data![0]) * raised! * 0.1).toBeCloseTo(5, 5);
  });

  it("names what it can't quantize", () => {
    const bad = constant("conv/w", [1, 2], [1, Number.NaN]);
    expect(() => quantizeWeights(bad, null, 1, perChannel)).toThrow(
      'tensor "conv/w": element 1 is NaN, expected finite values',
    );
    const fine = constant("w", [2, 1], [1, 2]);
    expect(() => quantizeWeights(fine, constant("b", [1], [1]), 1, perChannel)).toThrow(
      'tensor "b": expected 2 values, one per output channel, found 1',
    );
    expect(() => quantizeWeights(fine, constant("b", [2], [1, -Infinity]), 1, perChannel)).toThrow(
      /"b": element 1/,
    );
    const long = constant("fc/w", [1, 65536], new Float32Array(65536));
    expect(() => quantizeWeights(long, null, 1, perChannel)).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: expect.stringContaining('"fc/w": each output sums 65536'),
      }),
    );
  });
});
