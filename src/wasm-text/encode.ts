/**
 * How the engine's modules are written down: as printable ASCII without quotes and backslash. Every byte has its own
 * characters whatever its neighbours are, so that what repeats in the bytes repeats in the text, and compresses as well;
 * base64 hides it. (byte + 4) mod 256 is written in base 87: the upper digit, where it is not 0, as " " or "!"; the lower
 * one as one of the characters "#" … "z" without "\".
 *
 * The numbers of local variables are taken out of the code, which saves a tenth under brotli. "{", "|" and "}" stand for
 * local.get, local.set and local.tee, and "~" for the beginning of a function, at whose end there is another one. Behind
 * it all come the variables, from the last to the first, each as how many others of the function were used more recently.
 */
export function encodeModule(module: Uint8Array): string {
  let text = "";
  let ranks = "";
  let at = 0;
  const copy = (bytes: number): void => {
    for (const end = at + bytes; at < end; at++) text += encodeByte(module[at]!);
  };
  const readNumber = (): number => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = module[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const copyNumber = (): number => {
    const from = at;
    const value = readNumber();
    at = from;
    do text += encodeByte(module[at]!);
    while (module[at++]! > 127);
    return value;
  };

  function copyBody(end: number): void {
    const recent = Array.from({ length: DIGITS.length }, (_, i) => i);
    text += FUNCTION;
    for (let groups = copyNumber(); groups > 0; groups--) {
      copyNumber();
      copy(1);
    }
    while (at < end) {
      const code = module[at]!;
      if (code >= LOCAL_GET && code <= LOCAL_TEE) {
        at++;
        const local = readNumber();
        const rank = recent.indexOf(local);
        if (rank < 0)
          throw new Error(`expected at most ${DIGITS.length} local variables, found number ${local}`);
        recent.splice(rank, 1);
        recent.unshift(local);
        text += USES[code - LOCAL_GET];
        ranks = DIGITS[rank] + ranks;
        continue;
      }
      copy(1);
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
  for (let i = 0; i < functions; i++) copyBody(copyNumber() + at);
  if (at < module.length) throw new Error("expected nothing behind the code, found another section");
  return text + FUNCTION + ranks;
}

const CODE_SECTION = 10;
const LOCAL_GET = 0x20;
const LOCAL_TEE = 0x22;
/** "#" … "~" without "\". */
const DIGITS = String.fromCharCode(...Array.from({ length: 91 }, (_, i) => i + 35 + (i < 57 ? 0 : 1)));
const BASE = 87;
const USES = DIGITS.slice(BASE);
const FUNCTION = "~";

function encodeByte(byte: number): string {
  const value = (byte + 4) & 255;
  return ["", " ", "!"][Math.floor(value / BASE)]! + DIGITS[value % BASE]!;
}

/** LEB128 numbers, then bytes, that follow an instruction; `second`: what follows a prefix. */
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
