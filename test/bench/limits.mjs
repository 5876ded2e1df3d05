/** What the instructions themselves reach: kernels of WebAssembly text, from registers alone and fed from the L1 cache. */
import { createRequire } from "node:module";

const repeat = (count, make) => Array.from({ length: count }, (_, i) => make(i)).join("\n");
const sum = (count) => repeat(count, (i) => (i ? `(local.get $a${i}) v128.xor` : "(local.get $a0)"));

/**
 * `count` independent chains of one instruction sequence, nothing read from memory. A chain multiplies its own sum: products
 * that are the same in every chain would be computed once.
 */
const inRegisters = (count, step) => `
  ${repeat(count, (i) => `(local.set $a${i} (i8x16.splat (i32.const ${i + 1})))`)}
  (loop $turn
    ${repeat(count, (i) => {
      const chain = `(local.get $a${i})`;
      return `(local.set $a${i} ${step(chain, chain, "(local.get $w0)")})`;
    })}
    (br_if $turn (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
  ${sum(count)}`;

/**
 * The inner loop of a matrix product of `rows` × `columns` vectors: each is loaded once a step, and `step` adds a product
 * onto an accumulator. 32 steps over the same few kB.
 */
function tile(rows, columns, { load = "v128.load", bytes = 16, step }) {
  const loads = (name, count, from) =>
    repeat(count, (i) => `(local.set $${name}${i} (${load} offset=${i * bytes} (local.get $${from})))`);
  return `
  (loop $all
    (local.set $p (i32.const 1024)) (local.set $q (i32.const 16384)) (local.set $k (i32.const 32))
    (loop $turn
      ${loads("x", rows, "p")} ${loads("w", columns, "q")}
      ${repeat(rows * columns, (i) => {
        const [x, w] = [`(local.get $x${Math.floor(i / columns)})`, `(local.get $w${i % columns})`];
        return `(local.set $a${i} ${step(`(local.get $a${i})`, x, w)})`;
      })}
      (local.set $p (i32.add (local.get $p) (i32.const ${rows * bytes})))
      (local.set $q (i32.add (local.get $q) (i32.const ${columns * bytes})))
      (br_if $turn (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (br_if $all (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 32))) (i32.const 0))))
  ${sum(rows * columns)}`;
}

const dot32 = (a, x, w) => `(i32x4.relaxed_dot_i8x16_i7x16_add_s ${w} ${x} ${a})`;
const dot16 = (a, x, w) => `(i16x8.add ${a} (i16x8.relaxed_dot_i8x16_i7x16_s ${x} ${w}))`;
const dotOnes = (a, x, w) =>
  `(i32x4.add ${a} (i32x4.dot_i16x8_s (i16x8.relaxed_dot_i8x16_i7x16_s ${x} ${w}) (local.get $ones)))`;
const dotPairs = (a, x, w) => `(i32x4.add ${a} (i32x4.dot_i16x8_s ${x} ${w}))`;
const multiplyAdd = (a, x, w) => `(f32x4.add ${a} (f32x4.mul ${x} ${w}))`;

/** `macs` per turn. */
const kernels = {
  "relaxed dot, int32, registers": { macs: 12 * 16, body: inRegisters(12, dot32) },
  "relaxed dot, int32, L1 4×2": { macs: 8 * 16, body: tile(4, 2, { step: dot32 }) },
  "relaxed dot, int16, registers": { macs: 12 * 16, body: inRegisters(12, dot16) },
  "relaxed dot, int16, L1 4×2": { macs: 8 * 16, body: tile(4, 2, { step: dot16 }) },
  "relaxed dot × ones, L1 4×2": { macs: 8 * 16, body: tile(4, 2, { step: dotOnes }) },
  "dot_i16x8, registers": { macs: 12 * 8, body: inRegisters(12, dotPairs) },
  "dot_i16x8, L1 4×2": { macs: 8 * 8, body: tile(4, 2, { step: dotPairs }) },
  "dot_i16x8, both sides load8x8, L1 4×2": {
    macs: 8 * 8,
    body: tile(4, 2, { load: "v128.load8x8_s", bytes: 8, step: dotPairs }),
  },
  "f32 mul + add, L1 4×2": { macs: 8 * 4, body: tile(4, 2, { step: multiplyAdd }) },
};

const text = (body) => `(module (memory (export "memory") 1)
  (func (export "run") (param $n i32) (result i32) (local $p i32) (local $q i32) (local $k i32) (local $ones v128)
    ${["a", "x", "w"].map((name) => repeat(12, (i) => `(local $${name}${i} v128)`)).join("\n")}
    (local.set $ones (i16x8.splat (i32.const 1)))
    (local.set $w0 (i8x16.splat (i32.const 3)))
    ${body} i32x4.extract_lane 0))`;

/** Reads `bytes` from address 0, once a call. Pages that were never written would all be one page of zeros. */
const stream = `(module (memory (export "memory") 1088)
  (func (export "fill") (memory.fill (i32.const 0) (i32.const 1) (i32.const 71303168)))
  (func (export "run") (param $bytes i32) (result i32) (local $p i32) ${repeat(8, (i) => `(local $a${i} v128)`)}
    (loop $turn
      ${repeat(16, (i) => `(local.set $a${i % 8} (v128.xor (local.get $a${i % 8}) (v128.load offset=${i * 16} (local.get $p))))`)}
      (br_if $turn (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 256))) (local.get $bytes))))
    ${sum(8)} i32x4.extract_lane 0))`;

const streamBytes = [2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20, 2 ** 22, 2 ** 24, 2 ** 26];

/** What the system "limits" measures: name, unit (GMAC/s or GB/s), work of one call in that unit's millions, the module. */
export async function limits() {
  const wabt = await createRequire(import.meta.url)("wabt")();
  const assemble = (name, source) => {
    const module = wabt.parseWat(name, source, { simd: true, relaxed_simd: true, bulk_memory: true });
    return Buffer.from(module.toBinary({}).buffer).toString("base64");
  };
  const turns = 4096;
  const found = Object.entries(kernels).map(([name, { macs, body }]) => ({
    name,
    unit: "GMAC/s",
    work: macs * turns,
    argument: turns,
    module: assemble(name, text(body)),
  }));
  const reader = assemble("stream", stream);
  for (const bytes of streamBytes)
    found.push({
      name: `stream of ${bytes / 1024} kB`,
      bytes,
      unit: "GB/s",
      work: bytes,
      argument: bytes,
      module: reader,
    });
  return found;
}
