import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { decoder, relaxed, scalar, simd } from "../../build/wasm-text.js";
import { wasmBytes } from "../../src/wasm.ts";
import { decodeText, decodeWith } from "../../src/wasm-text/decode.ts";
import { encodeText } from "../../src/wasm-text/encode.ts";
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
  test.each(samples)("%s: come back, in both decoders", (_, bytes) => {
    const text = encodeText(bytes);
    expect(Buffer.compare(decodeText(text), bytes)).toBe(0);
    expect(Buffer.compare(decodeWith(decoder, text), bytes)).toBe(0);
  });

  test("are ASCII that no string literal escapes, each byte's for itself", () => {
    const text = encodeText(everyByte);
    expect(text).toMatch(/^[ -~]+$/);
    expect(text).not.toMatch(/["\\`]/);
    expect([...everyByte].map((byte) => encodeText(Uint8Array.of(byte))).join("")).toBe(text);
  });

  test.each([
    ["relaxed", relaxed],
    ["simd", simd],
    ["scalar", scalar],
  ] as const)("build/wasm-text.js holds %s.wasm", (name, text) => {
    const file = readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url));
    expect(Buffer.compare(wasmBytes[name], file)).toBe(0);
    expect(Buffer.compare(decodeText(text), file)).toBe(0);
  });

  test("are decoded where there is no TextEncoder", () => {
    const file = wasmBytes.simd;
    vi.stubGlobal("TextEncoder", undefined);
    expect(Buffer.compare(wasmBytes.simd, file)).toBe(0);
  });
});
