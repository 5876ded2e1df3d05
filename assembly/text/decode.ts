/**
 * A WebAssembly module of its own that turns `count` characters at address 0 into the bytes that they stand for
 * (src/wasm-text/decode.ts), in place. Returns how many bytes those are.
 */
export function decode(count: usize): usize {
  let out: usize = 0;
  let page: i32 = 0;
  for (let at: usize = 0; at < count; at++) {
    const c: i32 = load<u8>(at);
    if (c < 35) page = c - 31;
    else {
      store<u8>(out++, page * 90 + c - 38 - i32(c > 92) - i32(c > 96));
      page = 0;
    }
  }
  return out;
}
