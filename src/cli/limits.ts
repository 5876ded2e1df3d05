/** What this engine's instructions reach, measured by loops that do nothing else: the bounds of a profile. */

/** v128 operations after their prefix byte, and how a small module of them is put together. */
const prefix = 0xfd;
const op = {
  load: [prefix, 0x00],
  xor: [prefix, 0x51],
  addI16: [prefix, 0x8e, 0x01],
  addI32: [prefix, 0xae, 0x01],
  dotI16: [prefix, 0xba, 0x01],
  relaxedDotI16: [prefix, 0x92, 0x02],
  relaxedDotAdd: [prefix, 0x93, 0x02],
  addF32: [prefix, 0xe4, 0x01],
  mulF32: [prefix, 0xe6, 0x01],
  firstLane: [prefix, 0x1b, 0],
};
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];

function leb(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** i32.const; its numbers are signed. */
const constant = (value: number): number[] => {
  const bytes: number[] = [0x41];
  for (; value >= 64; value >>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
};

const sized = (bytes: number[]): number[] => [...leb(bytes.length), ...bytes];
const section = (id: number, ...items: number[][]): number[] => [
  id,
  ...sized([...leb(items.length), ...items.flat()]),
];

const memoryPages = 160;

/** (module (memory 160) (func (export "r") (param i32) (result i32) …)) with an i32 and `vectors` v128 as locals 1, 2 … */
function assemble(vectors: number, code: number[]): (argument: number) => number {
  const bytes = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [0x60, 1, 0x7f, 1, 0x7f]),
    ...section(3, [0]),
    ...section(5, [0, ...leb(memoryPages)]),
    ...section(7, [1, 0x72, 0, 0], [1, 0x6d, 2, 0]),
    ...section(10, sized([2, 1, 0x7f, ...leb(vectors), 0x7b, ...code, 0x0b])),
  ];
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes)));
  // Pages that were never written would all be one page of zeros. As float32 this is 0.19, not a number that takes longer.
  new Uint8Array((exports.m as WebAssembly.Memory).buffer).fill(62);
  return exports.r as (argument: number) => number;
}

/**
 * Four vectors of activations by two of weights from memory, and their eight products, turn by turn: a matrix kernel's inner
 * loop. Without `sum`, `product` adds too.
 */
function tile(product: number[], sum?: number[]): (turns: number) => number {
  const accumulator = (i: number): number => 2 + i;
  const [x, w] = [10, 14];
  const loads = [0, 1, 2, 3, 4, 5].flatMap((i) => [
    ...constant(1024 + 16 * i),
    ...op.load,
    4,
    0,
    ...set(x + i),
  ]);
  const steps = Array.from({ length: 8 }, (_, i) => [
    ...(sum ? get(accumulator(i)) : []),
    ...get(x + (i >> 1)),
    ...get(w + (i & 1)),
    ...(sum ? [...product, ...sum] : [...get(accumulator(i)), ...product]),
    ...set(accumulator(i)),
  ]).flat();
  const countDown = [...get(0), ...constant(1), 0x6b, 0x22, 0, 0x0d, 0];
  const folded = [1, 2, 3, 4, 5, 6, 7].flatMap((i) => [...get(accumulator(i)), ...op.xor]);
  return assemble(16, [
    ...[0x03, 0x40],
    ...loads,
    ...steps,
    ...countDown,
    0x0b,
    ...get(accumulator(0)),
    ...folded,
    ...op.firstLane,
  ]);
}

/** Reads `bytes` of memory, 64 at a time. */
const stream = (): ((bytes: number) => number) =>
  assemble(4, [
    ...[0x03, 0x40],
    ...[0, 1, 2, 3].flatMap((i) => [
      ...get(2 + i),
      ...get(1),
      ...op.load,
      4,
      ...leb(16 * i),
      ...op.xor,
      ...set(2 + i),
    ]),
    ...[...get(1), ...constant(64), 0x6a, 0x22, 1, ...get(0), 0x49, 0x0d, 0, 0x0b],
    ...[...get(2), ...get(3), ...op.xor, ...get(4), ...op.xor, ...get(5), ...op.xor, ...op.firstLane],
  ]);

/** Per second: multiply-adds of int8, of narrower and of float32 weights, and bytes read from a buffer of a size. */
export interface Limits {
  int8: number;
  narrow: number;
  float32: number;
  bytes(size: number): number;
}

const turns = 20_000;

/** Long enough for the engine to have optimized a loop, beside other work. */
const millis = 100;

/** Of the quickest run, of `work` each. */
function rate(run: (argument: number) => number, argument: number, work: number): number {
  let shortest = Infinity;
  for (const begin = performance.now(); performance.now() - begin < millis; ) {
    const start = performance.now();
    run(argument);
    shortest = Math.min(shortest, performance.now() - start);
  }
  return (1000 * work) / shortest;
}

/** Takes some tenths of a second. Without SIMD there is nothing to measure: undefined. */
export function measureLimits(isRelaxed: boolean): Limits | undefined {
  try {
    // Where the 4-way dot product is slower than the 2-way one, it takes several instructions, and kernels keep out of it.
    const dot = isRelaxed ? rate(tile(op.relaxedDotAdd), turns, 128 * turns) : 0;
    const int8 = Math.max(dot, rate(tile(op.dotI16, op.addI32), turns, 64 * turns));
    const narrow = isRelaxed
      ? Math.max(dot, rate(tile(op.relaxedDotI16, op.addI16), turns, 128 * turns))
      : int8;
    const float32 = rate(tile(op.mulF32, op.addF32), turns, 32 * turns);
    const read = stream();
    const known = new Map<number, number>();
    return {
      int8,
      narrow,
      float32,
      bytes(size) {
        const power = Math.min(23, Math.max(14, Math.ceil(Math.log2(size))));
        if (!known.has(power)) known.set(power, rate(read, 2 ** power, 2 ** power));
        return known.get(power)!;
      },
    };
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return undefined;
    throw error;
  }
}
