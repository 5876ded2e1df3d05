import { inflateSync } from "node:zlib";

/** The values of an 8-bit grey PNG without interlacing, row by row; enough for the test images. */
export function readGreyPng(file: Uint8Array): { width: number; height: number; values: Uint8Array } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const parts: Uint8Array[] = [];
  let [width, height] = [0, 0];
  for (let at = 8; at < file.length; at += 12 + view.getUint32(at)) {
    const kind = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const body = file.subarray(at + 8, at + 8 + view.getUint32(at));
    if (kind === "IHDR") {
      [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
      if (body.slice(8).join() !== "8,0,0,0,0") throw new Error("only 8-bit grey PNG files are read");
    }
    if (kind === "IDAT") parts.push(body);
  }
  const packed = inflateSync(Buffer.concat(parts));
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const filter = packed[y * (width + 1)]!;
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const left = x > 0 ? values[at - 1]! : 0;
      const up = y > 0 ? values[at - width]! : 0;
      const corner = x > 0 && y > 0 ? values[at - width - 1]! : 0;
      const guess = left + up - corner;
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      const predicted = [0, left, up, (left + up) >> 1, paeth][filter]!;
      values[at] = packed[y * (width + 1) + 1 + x]! + predicted;
    }
  }
  return { width, height, values };
}
