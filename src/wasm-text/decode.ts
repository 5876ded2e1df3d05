type Bytes = Uint8Array<ArrayBuffer>;

/** The bytes that a text of encode.ts stands for. */
export function decodeText(text: string): Bytes {
  const bytes = new Uint8Array(text.length);
  let count = 0;
  let page = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 35) page = c - 31;
    else {
      bytes[count++] = page * 90 + c - 38 - (c > 92 ? 1 : 0) - (c > 96 ? 1 : 0);
      page = 0;
    }
  }
  return bytes.subarray(0, count);
}

/**
 * The same by `decoder`, the text of the WebAssembly module of assembly/text: a JavaScript engine interprets the loop
 * above at first, which for tens of thousands of characters takes longer than compiling what they stand for.
 * @throws WebAssembly.CompileError where compiling is refused.
 */
export function decodeWith(decoder: string, text: string): Bytes {
  if (typeof TextEncoder === "undefined") return decodeText(text);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(decodeText(decoder)));
  const { memory, decode } = exports as unknown as {
    memory: WebAssembly.Memory;
    decode(count: number): number;
  };
  memory.grow(text.length >> 16);
  new TextEncoder().encodeInto(text, new Uint8Array(memory.buffer));
  return new Uint8Array(memory.buffer as ArrayBuffer, 0, decode(text.length));
}
