import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeUtf8 } from "../../src/format/utf8.ts";

test("well-formed text comes back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const bytes = new TextEncoder().encode(text);
      expect(decodeUtf8(bytes)).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("every scalar value at the borders of the encoding comes back", () => {
  for (const code of [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xffff, 0x10000, 0x10ffff]) {
    const text = `a${String.fromCodePoint(code)}b`;
    expect(decodeUtf8(new TextEncoder().encode(text))).toBe(text);
  }
});

test("any bytes give text, and bytes that are no text give U+FFFD", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = decodeUtf8(bytes);
      let isText = true;
      try {
        expect(text).toBe(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        isText = false;
      }
      if (!isText) expect(text).toContain("\ufffd");
    }),
    { seed: 2, numRuns: 2000 },
  );
});

test("overlong forms, surrogates and values past U+10FFFF are no text", () => {
  for (const bytes of [
    [0xc0, 0x80],
    [0xe0, 0x80, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf0, 0x80, 0x80, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xff],
    [0xe2, 0x82],
  ])
    expect(decodeUtf8(Uint8Array.from(bytes))).toContain("\ufffd");
});
