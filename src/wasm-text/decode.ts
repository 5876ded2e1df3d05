/**
 * The module that a text of encodeModule stands for, by `decoder`, the bytes of the WebAssembly module of assembly/text:
 * a JavaScript engine interprets such loops at first, and compiles them anew in the middle, which takes longer than
 * compiling what comes out.
 * @throws WebAssembly.CompileError where compiling is refused.
 */
export function decodeWith(decoder: readonly number[], text: string): Uint8Array<ArrayBuffer> {
  const module = new WebAssembly.Module(new Uint8Array(decoder));
  const { memory, decode } = new WebAssembly.Instance(module).exports as unknown as {
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
