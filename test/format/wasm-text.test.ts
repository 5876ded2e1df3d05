import { readFileSync } from "node:fs";
import binaryen from "binaryen";
import { afterEach, describe, expect, test, vi } from "vitest";
import { decoder } from "../../build/wasm-text.js";
import { wasmBytes } from "../../src/wasm.ts";
import { decodeText, decodeWith } from "../../src/wasm-text/decode.ts";
import { encodeText, separateLocals } from "../../src/wasm-text/encode.ts";
import { randomFrom } from "../helpers/graphs.ts";

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
const random = randomFrom(1);
const samples: [string, Uint8Array][] = [
  ["nothing", new Uint8Array()],
  ["every byte", everyByte],
  ["every byte backwards", everyByte.slice().reverse()],
  ["bytes that all take two characters", new Uint8Array(1000).fill(200)],
  ["more characters than a page of memory", Uint8Array.from({ length: 70_000 }, () => random.int(0, 255))],
  ["a page of characters, exactly", new Uint8Array(65536)],
];

afterEach(() => vi.unstubAllGlobals());

describe("bytes in characters", () => {
  test.each(samples)("%s: come back", (_, bytes) => {
    expect(Buffer.compare(decodeText(encodeText(bytes)), bytes)).toBe(0);
  });

  test("are ASCII that no string literal escapes, each byte's for itself", () => {
    const text = encodeText(everyByte);
    expect(text).toMatch(/^[ -~]+$/);
    expect(text).not.toMatch(/["\\`]/);
    expect([...everyByte].map((byte) => encodeText(Uint8Array.of(byte))).join("")).toBe(text);
  });

  test.each(["relaxed", "simd", "scalar"] as const)("build/wasm-text.js holds %s.wasm", (name) => {
    const file = readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url));
    expect(Buffer.compare(wasmBytes[name], file)).toBe(0);
  });

  test("are decoded where there is no TextEncoder", () => {
    const file = wasmBytes.simd;
    vi.stubGlobal("TextEncoder", undefined);
    expect(Buffer.compare(wasmBytes.simd, file)).toBe(0);
  });
});

/** Instructions with every kind of immediates, between uses of local variables that a decoder would misread them for. */
const instructions = `
  (local.set 0 (i32.const 0x20212223)) (local.set 1 (i64.const 0x2021222320212223))
  (local.set 2 (f32.const 0x1.4044p-62)) (local.set 3 (f64.const 0x1.0212223202122p-509))
  (local.set 4 (v128.const i8x16 32 33 34 32 33 34 32 33 34 32 33 34 32 33 34 32))
  (local.set 4 (i8x16.shuffle 32 0 17 31 1 2 3 4 5 6 7 8 9 10 11 12 (local.get 4) (local.get 4)))
  (local.set 0 (i32x4.extract_lane 3 (local.get 4)))
  (local.set 4 (v128.load32_lane offset=32 align=1 2 (local.get 0) (local.get 4)))
  (v128.store offset=33 (local.get 0) (v128.load32_splat offset=34 (local.get 0)))
  (local.set 4 (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get 4) (local.get 4) (local.get 4)))
  (memory.copy (local.get 0) (i32.const 32) (memory.size)) (memory.fill (local.get 0) (local.get 0) (local.get 0))
  (local.set 0 (i32.trunc_sat_f32_s (local.get 2))) (drop (memory.grow (local.get 0)))
  (global.set $g (i32.load8_u offset=8224 (global.get $g))) (i64.store32 offset=300 (local.get 0) (local.get 1))
  (block $a (block $b (loop $c (br_table $a $b $c 0 (call $callee (local.get 0))))) (br_if $a (local.get 0)))
  (drop (select (local.tee 0 (i32.const -1)) (i32.const 200) (local.get 0)))`;

const modules: [string, string][] = [
  ["no code", "(module (memory 1))"],
  [
    "every kind of immediates",
    `(module (memory 1) (global $g (mut i32) (i32.const 32)) (func $callee (param i32) (result i32) (local.get 0))
      (func (local i32 i64 f32 f64 v128) ${instructions}))`,
  ],
  [
    "256 local variables",
    `(module (func (local ${"i32 ".repeat(256)})
      ${[255, 0, 128, 127, 255, 255, 1, 200, 128].map((i) => `(local.set ${i} (local.get ${255 - i}))`).join(" ")}))`,
  ],
];

describe("modules with their local variables apart", () => {
  const compile = (text: string): Uint8Array => {
    const module = binaryen.parseText(text);
    module.setFeatures(binaryen.Features.All);
    return module.emitBinary();
  };

  test.each(modules)("%s: come back", (_, text) => {
    const bytes = compile(text);
    expect(Buffer.compare(decodeWith(decoder, encodeText(separateLocals(bytes))), bytes)).toBe(0);
  });

  test("what cannot be put back is refused", () => {
    const text = `(module (func (local ${"i32 ".repeat(257)}) (local.set 256 (i32.const 1))))`;
    expect(() => separateLocals(compile(text))).toThrow("at most 256 local variables, found number 256");
    const withData = `(module (memory 1) (func (local i32) (drop (local.get 0))) (data (i32.const 0) "data"))`;
    expect(() => separateLocals(compile(withData))).toThrow("expected nothing behind the code");
  });
});
