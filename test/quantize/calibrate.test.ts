import { describe, expect, it } from "vitest";
import { noActivation, type Tensor, type TensorData } from "../../src/graph/graph.ts";
import { calibrate } from "../../src/quantize/calibrate.ts";
import type { Executor } from "../../src/quantize/executor.ts";
import { activation, constant, fakeExecutor, graphOf, operator } from "./build.ts";

const x = activation("x", [1, 2]);
const y = activation("y", [1, 2]);
const half = constant("half", [1], [0.5]);
const graph = graphOf([x], [operator("mul", [x, half], y, { activation: noActivation })], [y]);

const halves = (tensor: Tensor, [input]: TensorData[]) =>
  tensor === x ? input! : Float32Array.from(input as Float32Array, (value) => value / 2);

const sample = (name: string, ...values: number[]) => ({ name, inputs: [Float32Array.from(values)] });

describe("calibrate", () => {
  it("gives every activation its range over all samples, constants none", () => {
    const executor = fakeExecutor(halves);
    const progress: [number, number | undefined][] = [];
    const ranges = calibrate(graph, [sample("a", 1, -4), sample("b", 6, 0)], () => executor, {
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect([...ranges]).toEqual([
      [x, { min: -4, max: 6 }],
      [y, { min: -2, max: 3 }],
    ]);
    expect(progress).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(executor.disposed).toBe(true);
  });

  it("walks samples that don't know their number", () => {
    const lazy = {
      *[Symbol.iterator]() {
        yield sample("a", 1, 2);
      },
    };
    const seen: (number | undefined)[] = [];
    calibrate(graph, lazy, () => fakeExecutor(halves), { onProgress: (_, total) => seen.push(total) });
    expect(seen).toEqual([undefined]);
  });

  it("cuts tails by percentile", () => {
    const ranges = calibrate(
      graph,
      Array.from({ length: 500 }, (_, i) => sample(`${i}`, i === 250 ? 900 : 1, -1)),
      () => fakeExecutor(halves),
      { method: "percentile", percentile: 99 },
    );
    expect(ranges.get(x)!.max).toBeLessThan(1.2);
    expect(ranges.get(x)!.min).toBeCloseTo(-1, 1);
  });

  it.each([Number.NaN, Infinity, -Infinity])("names sample and tensor where %s turns up", (bad) => {
    const executor: Executor & { disposed: boolean } = fakeExecutor((tensor, inputs) =>
      tensor === y ? Float32Array.of(0, bad) : halves(tensor, inputs),
    );
    expect(() => calibrate(graph, [sample("clips/no.wav", 1, 2)], () => executor)).toThrow(
      `clips/no.wav: tensor "y" is ${bad} at element 1; calibration needs finite values`,
    );
    expect(executor.disposed).toBe(true);
  });

  it("lets padding with −∞ pass, which takes part in no range", () => {
    const padded = activation("padded", [1, 3]);
    const pad = operator("pad", [x], padded, { before: [0, 1], after: [0, 0], value: -Infinity });
    const ranges = calibrate(graphOf([x], [pad], [padded]), [sample("a", 1, 2)], () =>
      fakeExecutor((tensor, [input]) => (tensor === padded ? Float32Array.of(-Infinity, 1, 2) : input!)),
    );
    expect([...ranges.keys()]).toEqual([x]);
  });

  it("refuses to work on nothing", () => {
    expect(() => calibrate(graph, [], () => fakeExecutor(halves))).toThrow(
      expect.objectContaining({
        code: "bad-input",
        message: 'graph "test": no calibration samples; give at least one',
      }),
    );
  });

  it("says what an input expected and what it found", () => {
    const run = (inputs: TensorData[]) =>
      calibrate(graph, [{ name: "s.npy", inputs }], () => fakeExecutor(halves));
    expect(() => run([Float32Array.of(1, 2, 3)])).toThrow(
      's.npy: input "x" expected 2 elements of float32 ([1,2]), found 3 of Float32Array',
    );
    expect(() => run([Int8Array.of(1, 2)])).toThrow(/found 2 of Int8Array/);
    expect(() => run([])).toThrow("s.npy: expected 1 inputs, found 0");
  });
});
