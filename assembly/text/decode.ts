/**
 * A WebAssembly module of its own that turns `count` characters at address 0 into the module that they stand for
 * (src/wasm-text/encode.ts), behind them. Returns where that ends; it begins at `count`.
 *
 * It runs once, as the compiler's first pass leaves it. Two functions with little code between a loop's ends: what a function
 * jumps back over is counted, and past 13 MB V8 compiles it again beside the running one, which by then is almost through.
 */

const ONES: u64 = 0x0101010101010101;
const TOPS: u64 = 0x8080808080808080;
/** Variables that a function may have, in eights. */
const VARIABLES: usize = 96;

/** Which variable the character means; it becomes the first of those at `recent`. */
export function variableOf(c: u32, recent: usize): u32 {
  let rank = <usize>(c - 35 - u32(c > 92));
  const variable = load<u8>(recent + rank);
  while (rank > 7) {
    rank -= 8;
    store<u64>(recent + rank + 1, load<u64>(recent + rank));
  }
  // The first eight are one number, of which the lowest bytes move up.
  const shift = <u64>rank << 3;
  const eight = load<u64>(recent);
  const others = eight & ((<u64>-1 << shift) << 8);
  store<u64>(recent, others | ((eight & ~(<u64>-1 << shift)) << 8) | variable);
  return variable;
}

export function decode(count: usize): usize {
  let variables = count;
  let out = count;
  // The module is shorter than its text.
  const recent = (count << 1) + 8;
  for (let at: usize = 0; at < variables; ) {
    // Eight characters as if all were single digits, of which those are taken that come before one that is not.
    const eight = load<u64>(at);
    store<u64>(out, (((eight | TOPS) - 39 * ONES) - (((eight + 35 * ONES) & TOPS) >> 7)) ^ TOPS);
    const digits = <usize>ctz(((eight + 5 * ONES) | ~(eight + 93 * ONES)) & TOPS) >> 3;
    at += digits;
    out += digits;
    if (digits == 8) continue;
    let c: u32 = load<u8>(at++);
    if (c < 35) {
      const upper = (c - 31) * 87 - 39;
      c = load<u8>(at++);
      store<u8>(out++, upper + c - u32(c > 92));
    } else if (c < 126) {
      store<u8>(out, c - 91);
      store<u8>(out, variableOf(load<u8>(--variables), recent), 1);
      out += 2;
    } else {
      let order: u64 = 0x0706050403020100;
      for (let i: usize = 0; i < VARIABLES; i += 8) {
        store<u64>(recent + i, order);
        order += 8 * ONES;
      }
    }
  }
  return out;
}
