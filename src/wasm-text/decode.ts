type Bytes = Uint8Array<ArrayBuffer>;

/** The bytes that a text of encodeText stands for. */
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
 * The module that a text of separateLocals stands for, by `decoder`, the text of the WebAssembly module of
 * assembly/text: a JavaScript engine interprets such loops at first, which takes longer than compiling what comes out.
 * @throws WebAssembly.CompileError where compiling is refused.
 */
export function decodeWith(decoder: string, text: string): Bytes {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(decodeText(decoder)));
  const { memory, decode } = exports as unknown as {
    memory: WebAssembly.Memory;
    decode(count: number): number;
  };
  const count = text.length;
  memory.grow((count >> 15) + 1);
  const bytes = new Uint8Array(memory.buffer as ArrayBuffer);
  if (typeof TextEncoder !== "undefined") new TextEncoder().encodeInto(text, bytes);
  else for (let i = 0; i < count; i++) bytes[i] = text.charCodeAt(i);
  return bytes.subarray(count, decode(count));
}
