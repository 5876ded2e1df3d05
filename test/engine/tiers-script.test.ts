import { describe, expect, test } from "vitest";
import { KR } from "../../assembly/codes.ts";
import { loadModelSync } from "../../src/native.ts";
import { createScriptEngine } from "../../src/script/engine.ts";
import { LONGEST as LONGEST_STEPS, LOW } from "../../src/script/pack.ts";
import { MAGIC, requantizeDouble } from "../../src/script/requantize.ts";
import { caseOf, convGraph, fullyConnectedGraph, randomFrom, type Spread } from "../helpers/graphs.ts";
import { expectExact } from "../kernels/exact.ts";
import { smallModel, twoInputs } from "./build.ts";

const LONGEST = LONGEST_STEPS * KR;

describe("two weights in one double", () => {
  test("the largest sums stay apart", () => {
    for (const [a, b] of [
      [16384, 16384],
      [-16256, 16384],
      [16384, -16256],
      [-16256, -16256],
      [16384, 0],
      [0, -16256],
    ] as const) {
      let sum = 0;
      for (let k = 0; k < LONGEST; k++) sum += a * LOW + b;
      const high = sum + MAGIC - MAGIC;
      expect([(sum - high) / LOW, high]).toEqual([a * LONGEST, b * LONGEST]);
    }
  });

  const lengths = [LONGEST - 1, LONGEST, LONGEST + 1, LONGEST + 2, 2 * LONGEST, 2 * LONGEST + 1];
  const spreads: Spread[] = ["random", "extremes"];
  test.each(lengths)("sums of %i products are exact, one row and several", (k) => {
    for (const spread of spreads)
      for (const rounding of ["single", "double"] as const) {
        const random = randomFrom(k);
        const graph = fullyConnectedGraph(random, [9], 9, k, { kind: "int8", rounding });
        expectExact(caseOf(random, graph, spread), `${k}, ${spread}, ${rounding}`);
      }
  });

  test("asymmetric weights keep their row term in long sums", () => {
    const random = randomFrom(7);
    const graph = fullyConnectedGraph(random, [10], 10, LONGEST + 5, { kind: "uint8", weightOffset: -100 });
    expectExact(caseOf(random, graph, "extremes"));
  });
});

test("rows that start at any address are copied whole", () => {
  for (const channels of [1, 2, 3, 5, 7]) {
    const random = randomFrom(channels);
    const padding = { top: 1, left: 1, bottom: 1, right: 1 };
    const graph = convGraph(random, { kind: "int8", input: [1, 5, 7, channels], outputs: 3, padding });
    expectExact(caseOf(random, graph), `${channels} channels`);
  }
});

test("gemmlowp's rounding equals itself in whole numbers", () => {
  const exact = (acc: number, multiplier: number, shift: number): number => {
    const x = BigInt.asIntN(32, BigInt(acc) << BigInt(Math.max(shift, 0)));
    const high = Number(BigInt.asIntN(32, (x * BigInt(multiplier) + (1n << 30n)) >> 31n));
    const right = Math.max(-shift, 0);
    const mask = 2 ** right - 1;
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0 ? 1 : 0) ? 1 : 0);
  };
  const random = randomFrom(1);
  const ends = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 24, -(2 ** 24) - 1];
  const accumulators = [...ends, ...Array.from({ length: 2000 }, () => random.int(-(2 ** 31), 2 ** 31 - 1))];
  for (const acc of accumulators)
    for (const multiplier of [2 ** 30, 2 ** 31 - 1, random.int(2 ** 30, 2 ** 31 - 1)])
      for (const shift of [-31, -30, -9, -1, 0, 1, 8])
        expect(requantizeDouble(acc, multiplier, shift), `${acc} ${multiplier} ${shift}`).toBe(
          exact(acc, multiplier, shift),
        );
});

test("memory that cannot be had is refused as in WebAssembly", () => {
  const engine = createScriptEngine();
  expect(engine.reserve(2 ** 31)).toBe(0);
  expect(engine.reserve(2 ** 32 - 2 ** 17)).toBe(0);
  expect(engine.reserve(1000)).toBeGreaterThan(0);
  expect(engine.memory.buffer.byteLength).toBe(65536);
});

test("engines do not share memory or unpacked weights", () => {
  const x = Int8Array.of(1, -2, 3, -4, 5, -6);
  const [a, b] = [loadModelSync(smallModel("int8", 1)), loadModelSync(smallModel("int8", 2))];
  const [first, other] = [a.run({ x }).y!.slice(), b.run({ x }).y!.slice()];
  expect(first).not.toEqual(other);
  loadModelSync(twoInputs());
  expect(a.run({ x }).y).toEqual(first);
  expect(b.run({ x }).y).toEqual(other);
});
