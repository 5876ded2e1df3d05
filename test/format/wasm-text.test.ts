import { readFileSync } from "node:fs";
import binaryen from "binaryen";
import { afterEach, describe, expect, test, vi } from "vitest";
import { decoder, relaxed, scalar, simd } from "../../build/wasm-text.js";
import { wasmBytes } from "../../src/wasm.ts";
import { decodeWith } from "../../src/wasm-text/decode.ts";
import { encodeModule } from "../../src/wasm-text/encode.ts";

afterEach(() => vi.unstubAllGlobals());

describe("the engine's builds as texts", () => {
  test.each(["relaxed", "simd", "scalar"] as const)("build/wasm-text.js holds %s.wasm", (name) => {
    const file = readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url));
    expect(Buffer.compare(wasmBytes[name], file)).toBe(0);
  });

  test("are ASCII that no string literal escapes", () => {
    for (const text of [relaxed, simd, scalar]) {
      expect(text).toMatch(/^[ -~]+$/);
      expect(text).not.toMatch(/["\\]/);
    }
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

/** Any order in which variables may be used, the last and the first of all included. */
const variables = Array.from({ length: 400 }, (_, i) => [90, 0, (i * i) % 91, i % 9, (i * 37) % 91][i % 5]!);
/** Every byte, after itself and after others, so that digits and pairs of characters follow one another in any number. */
const constants = Array.from({ length: 64 }, (_, i) =>
  Array.from({ length: 16 }, (_, k) => (i * 16 + (i < 16 ? k : k * (i >> 4))) & 255).join(" "),
);

const modules: [string, string][] = [
  ["no code", "(module (memory 1))"],
  [
    "every kind of immediates",
    `(module (memory 1) (global $g (mut i32) (i32.const 32)) (func $callee (param i32) (result i32) (local.get 0))
      (func (local i32 i64 f32 f64 v128) ${instructions}))`,
  ],
  [
    "every byte",
    `(module (func ${constants.map((bytes) => `(drop (v128.const i8x16 ${bytes}))`).join(" ")}))`,
  ],
  [
    "91 local variables",
    `(module (func (local ${"i32 ".repeat(91)})
      ${variables.map((i) => `(local.set ${i} (local.get ${90 - i}))`).join(" ")})
      (func (param i32 f32) (local i64) (local.set 0 (i32.const 7)) (local.set 2 (i64.const 1))))`,
  ],
  [
    "more characters than a page of memory",
    `(module (func ${Array.from({ length: 20_000 }, (_, i) => `(drop (i32.const ${i * 40503}))`).join(" ")}))`,
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
    expect(Buffer.compare(decodeWith(decoder, encodeModule(bytes)), bytes)).toBe(0);
  });

  test("what cannot be put back is refused", () => {
    const text = `(module (func (local ${"i32 ".repeat(92)}) (local.set 91 (i32.const 1))))`;
    expect(() => encodeModule(compile(text))).toThrow("at most 91 local variables, found number 91");
    const withData = `(module (memory 1) (func (local i32) (drop (local.get 0))) (data (i32.const 0) "data"))`;
    expect(() => encodeModule(compile(withData))).toThrow("expected nothing behind the code");
  });
});
