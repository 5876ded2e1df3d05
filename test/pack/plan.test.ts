import fc from "fast-check";
import { expect, test } from "vitest";
import { ALIGNMENT } from "../../assembly/format.ts";
import { type Buffer, planArena } from "../../src/pack/plan.ts";

const align = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

const buffers: fc.Arbitrary<Buffer[]> = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 1, max: 5000 }), first: fc.nat(20), length: fc.nat(8) })
    .map(({ bytes, first, length }) => ({ bytes, first, last: first + length })),
  { maxLength: 40 },
);

const liveTogether = (a: Buffer, b: Buffer): boolean => a.first <= b.last && b.first <= a.last;

test("no two live buffers share a byte; offsets are aligned; the arena holds all", () => {
  fc.assert(
    fc.property(buffers, (list) => {
      const { offsets, bytes } = planArena(list);
      expect(offsets).toHaveLength(list.length);
      for (const [i, a] of list.entries()) {
        expect(offsets[i]! % ALIGNMENT).toBe(0);
        expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(bytes);
        for (let j = 0; j < i; j++) {
          const b = list[j]!;
          const apart = offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
          if (liveTogether(a, b)) expect(apart, `${i} and ${j}`).toBe(true);
        }
      }
    }),
    { seed: 5, numRuns: 500 },
  );
});

test("the arena is at most the sum of all and at least the largest set alive at once", () => {
  fc.assert(
    fc.property(buffers, (list) => {
      const { bytes } = planArena(list);
      expect(bytes).toBeLessThanOrEqual(list.reduce((sum, b) => sum + align(b.bytes), 0));
      for (let step = 0; step <= 28; step++) {
        const alive = list.filter((b) => b.first <= step && step <= b.last);
        expect(bytes).toBeGreaterThanOrEqual(alive.reduce((sum, b) => sum + b.bytes, 0));
      }
    }),
    { seed: 6, numRuns: 300 },
  );
});

test("the same buffers give the same plan, and a chain needs its two largest neighbours only", () => {
  const chain = [1000, 3000, 2000, 500].map((bytes, i) => ({ bytes, first: i, last: i + 1 }));
  expect(planArena(chain)).toEqual(planArena(structuredClone(chain)));
  expect(planArena(chain).bytes).toBe(align(3000) + align(2000));
  expect(planArena([])).toEqual({ offsets: [], bytes: 0 });
});
