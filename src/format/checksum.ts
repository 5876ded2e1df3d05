/**
 * FNV-1a over the 32-bit little-endian words of `bytes` from `from`, turned left by 13 after each word so that
 * changes in high bits reach low ones. The length is a multiple of 4.
 */
export function checksum(bytes: Uint8Array, from: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = 0x811c9dc5;
  for (let at = from; at < bytes.length; at += 4) {
    const mixed = Math.imul(hash ^ view.getUint32(at, true), 0x01000193);
    hash = (mixed << 13) | (mixed >>> 19);
  }
  return hash >>> 0;
}
