import { decode as decodePng } from "fast-png";
import jpeg from "jpeg-js";
import { NibbleError } from "../runtime/errors.ts";
import type { Picture } from "./resize.ts";

/** More pixels are refused: a small file can claim any number of them. */
const megapixels = 100;

/**
 * Reads a PNG or JPEG file, whatever its name ends in. Transparency is left out, 16 bits keep their fractions, and the
 * orientation that a camera noted is not applied.
 *
 * @throws NibbleError "bad-input" naming `file`.
 */
export function readPicture(bytes: Uint8Array, file: string): Picture {
  const fail = (what: string, cause?: unknown): never => {
    throw new NibbleError("bad-input", `${file}: ${what}`, { cause });
  };
  const isPng = bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47;
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) return fail("expected a PNG or JPEG picture, found neither");
  try {
    return isPng ? fromPng(bytes) : fromJpeg(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return fail(`not a readable ${isPng ? "PNG" : "JPEG"} picture (${reason})`, cause);
  }
}

function fromPng(bytes: Uint8Array): Picture {
  // The first chunk is the header: width and height are at its beginning.
  if (bytes.length < 33) throw new Error("the header is cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const area = view.getUint32(16) * view.getUint32(20);
  if (area > megapixels * 1e6)
    throw new Error(`${Math.ceil(area / 1e6)} megapixels, more than ${megapixels}`);
  const { width, height, channels, depth, data, palette } = decodePng(bytes);
  const values = depth < 8 ? unpacked(data, width, height, depth) : data;
  const count = width * height;
  if (palette) {
    const result = new Float32Array(count * 3);
    for (let i = 0; i < count; i++) {
      const color = palette[values[i]];
      if (!color) throw new Error(`color ${values[i]} of a palette of ${palette.length}`);
      for (let c = 0; c < 3; c++) result[3 * i + c] = color[c];
    }
    return { width, height, channels: 3, data: result };
  }
  const kept = channels < 3 ? 1 : 3;
  const full = 2 ** depth - 1;
  const result = new Float32Array(count * kept);
  for (let i = 0; i < result.length; i++) {
    const value = values[Math.floor(i / kept) * channels + (i % kept)];
    result[i] = full === 255 ? value : (value * 255) / full;
  }
  return { width, height, channels: kept, data: result };
}

/** Values of fewer than 8 bits, whose rows begin at whole bytes. */
function unpacked(data: ArrayLike<number>, width: number, height: number, depth: number): Uint8Array {
  const values = new Uint8Array(width * height);
  const stride = Math.ceil((width * depth) / 8);
  for (let i = 0; i < values.length; i++) {
    const [y, bit] = [Math.floor(i / width), (i % width) * depth];
    const byte = data[y * stride + (bit >> 3)];
    values[i] = (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  }
  return values;
}

function fromJpeg(bytes: Uint8Array): Picture {
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxResolutionInMP: megapixels,
    maxMemoryUsageInMB: 1024,
  });
  return { width, height, channels: 3, data: Float32Array.from(data) };
}
