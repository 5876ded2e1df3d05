/**
 * Bytes as printable ASCII without quotes, backslash or backtick. A byte's characters never depend on its neighbours,
 * so what repeats in the bytes repeats in the text, and compresses as well; base64 hides it.
 *
 * (byte + 3) mod 256 is written in base 90: the upper digit, where it is not 0, as " " or "!"; the lower one as one of
 * the 90 characters "#" … "~" without "\" and "`". Plus 3, because 0xfd is WebAssembly's SIMD prefix.
 */
export function encodeText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const value = (byte + 3) & 255;
    const low = value % 90;
    if (value >= 90) text += value >= 180 ? "!" : " ";
    text += String.fromCharCode(low + 35 + (low >= 57 ? 1 : 0) + (low >= 60 ? 1 : 0));
  }
  return text;
}

const HEAD = 12;
const LOCALS = 256;
const CODE_SECTION = 10;

/**
 * A WebAssembly module with the numbers of its local variables taken out of the code and put behind it, each as how
 * many others of the function were used more recently: a tenth less under brotli. assembly/text puts them back.
 * Before all that: the bytes before the first function, the functions, and where the numbers begin.
 * @throws Error where a function has more than 256 local variables, or something follows the code.
 */
export function separateLocals(module: Uint8Array): Uint8Array {
  const rest: number[] = [];
  const ranks: number[] = [];
  let at = 0;
  const copy = (bytes: number): void => {
    for (const end = at + bytes; at < end; at++) rest.push(module[at]!);
  };
  const readNumber = (to: number[]): number => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = module[at++]!;
      to.push(byte);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const copyNumber = (): number => readNumber(rest);

  function copyBody(end: number): void {
    const recent = Array.from({ length: LOCALS }, (_, i) => i);
    for (let groups = copyNumber(); groups > 0; groups--) {
      copyNumber();
      copy(1);
    }
    while (at < end) {
      const code = module[at]!;
      copy(1);
      if (code >= 0x20 && code <= 0x22) {
        const local = readNumber([]);
        const rank = recent.indexOf(local);
        if (rank < 0) throw new Error(`expected at most ${LOCALS} local variables, found number ${local}`);
        recent.splice(rank, 1);
        recent.unshift(local);
        ranks.push(rank);
        continue;
      }
      const [numbers, bytes] = immediatesOf(code, code >= 0xfc ? copyNumber() : 0);
      for (let n = code === 0x0e ? copyNumber() + 1 : numbers; n > 0; n--) copyNumber();
      copy(bytes);
    }
  }

  copy(8);
  let functions = 0;
  while (at < module.length && functions === 0) {
    const section = module[at]!;
    copy(1);
    const bytes = copyNumber();
    if (section === CODE_SECTION) functions = copyNumber();
    else copy(bytes);
  }
  const first = rest.length;
  for (let i = 0; i < functions; i++) copyBody(copyNumber() + at);
  if (at < module.length) throw new Error("expected nothing behind the code, found another section");
  const head = Uint32Array.of(first, functions, HEAD + rest.length);
  return Uint8Array.from([...new Uint8Array(head.buffer), ...rest, ...ranks]);
}

/** LEB128 numbers, then bytes, that follow an instruction; `second`: what follows a prefix. As assembly/text has it. */
function immediatesOf(code: number, second: number): readonly [numbers: number, bytes: number] {
  if (code === 0xfd) {
    if (second <= 11 || second === 92 || second === 93) return [2, 0];
    if (second === 12 || second === 13) return [0, 16];
    if (second >= 21 && second <= 34) return [0, 1];
    return second >= 84 && second <= 91 ? [2, 1] : [0, 0];
  }
  if (code === 0xfc) return [second === 10 ? 2 : second === 11 ? 1 : 0, 0];
  if (code >= 0x28 && code <= 0x3e) return [2, 0];
  if (code === 0x43 || code === 0x44) return [0, code === 0x43 ? 4 : 8];
  const hasNumber = (code >= 2 && code <= 4) || code === 0x0c || code === 0x0d || code === 0x10;
  return [hasNumber || (code >= 0x23 && code <= 0x42) ? 1 : 0, 0];
}
