/** UTF-8 to text where the engine has no TextDecoder. Malformed bytes become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at++];
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const length =
      lead >= 0xf0 && lead < 0xf5 ? 3 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xc2 && lead < 0xe0 ? 1 : 0;
    let code = lead & (0x3f >> length);
    let taken = 0;
    while (taken < length && (bytes[at] & 0xc0) === 0x80) {
      code = (code << 6) | (bytes[at++] & 0x3f);
      taken++;
    }
    text += taken === length && isScalarValue(code, length) ? String.fromCodePoint(code) : "\ufffd";
  }
  return text;
}

/** Smallest code point that needs 0, 1, 2, 3 bytes after the first; the first is never right here. */
const smallest = [0x110000, 0x80, 0x800, 0x10000];

const isScalarValue = (code: number, length: number): boolean =>
  code >= smallest[length]! && code < 0x110000 && (code < 0xd800 || code > 0xdfff);
