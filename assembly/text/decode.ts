/**
 * A WebAssembly module of its own that turns `count` characters at address 0 into the module that they stand for
 * (src/wasm-text/encode.ts), behind them. Returns where that ends; it begins at `count`.
 *
 * One function with one loop over instructions: it runs once, as the compiler's first pass leaves it.
 */
export function decode(count: usize): usize {
  let next: usize = 0;
  let page: i32 = 0;
  for (let i: usize = 0; i < count; i++) {
    const c: i32 = load<u8>(i);
    if (c < 35) page = c - 31;
    else {
      store<u8>(next++, page * 90 + c - 38 - i32(c > 92) - i32(c > 96));
      page = 0;
    }
  }
  const first = load<u32>(0);
  let ranks = load<u32>(8);
  let at: usize = 12;
  let out = count;
  let bytes: u32 = first;
  let numbers: u32 = 0;
  let byte: u32;
  let end: usize = 0;
  let functions = load<u32>(4);
  for (; ; functions--) {
    for (;;) {
      for (; numbers > 0; numbers--) {
        do {
          byte = load<u8>(at++);
          store<u8>(out++, byte);
        } while (byte > 127);
      }
      for (; bytes > 0; bytes--) store<u8>(out++, load<u8>(at++));
      if (out >= end) break;
      const code: u32 = load<u8>(at++);
      store<u8>(out++, <u8>code);
      if (code >= 0x20 && code <= 0x22) {
        const rank: usize = load<u8>(ranks++);
        const local = load<u8>(end + rank);
        for (let i = end + rank; i > end; i--) store<u8>(i, load<u8>(i - 1));
        store<u8>(end, local);
        store<u8>(out++, local);
        if (local & 128) store<u8>(out++, 1);
      } else if (code < 0x28) {
        // Blocks, branches, calls and globals: 2, 3, 4, 0x0c, 0x0d, 0x10, 0x23, 0x24.
        numbers = <u32>(<u64>0x180001301c >> <u64>code) & 1;
        if (code == 0x0e) numbers = load<u8>(at) + 2;
      } else if (code < 0x3f) numbers = 2;
      else if (code < 0x43) numbers = 1;
      else if (code < 0x45) bytes = (code - 0x42) << 2;
      else if (code > 0xfb) {
        numbers = 1;
        const second = load<u8>(at);
        if (code == 0xfc) {
          if (second > 9) numbers = 13 - second;
        } else if (second <= 11 || second == 92 || second == 93) numbers = 3;
        else if (second <= 13) bytes = 16;
        else if (second <= 34) numbers = 1 + u32(second > 20);
        else if (second >= 84 && second <= 91) numbers = 4;
      }
    }
    if (functions == 0) break;
    let size: u32 = 0;
    let shift: u32 = 0;
    do {
      byte = load<u8>(at++);
      store<u8>(out++, byte);
      size |= (byte & 127) << shift;
      shift += 7;
    } while (byte > 127);
    end = out + size;
    // The variables, most recently used first, lie where the next function will be written.
    let eight: u64 = 0x0706050403020100;
    for (let i = end; i < end + 256; i += 8) {
      store<u64>(i, eight);
      eight += 0x0808080808080808;
    }
    numbers = (<u32>load<u8>(at) << 1) + 1;
  }
  return out;
}
