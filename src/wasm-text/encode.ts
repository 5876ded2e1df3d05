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
