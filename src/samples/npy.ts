import { arrayOf, bytesPerElement, type DType, elementCount, type TensorData } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";

/** One array of a .npy file, C order. */
export interface NpyArray {
  dtype: DType;
  shape: number[];
  data: TensorData;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Type codes without byte order; float64 is narrowed to float32 while reading. */
const dtypes: Record<string, { dtype: DType; bytes: number }> = {
  f4: { dtype: "float32", bytes: 4 },
  f8: { dtype: "float32", bytes: 8 },
  i1: { dtype: "int8", bytes: 1 },
  u1: { dtype: "uint8", bytes: 1 },
  b1: { dtype: "bool", bytes: 1 },
  i2: { dtype: "int16", bytes: 2 },
  i4: { dtype: "int32", bytes: 4 },
  i8: { dtype: "int64", bytes: 8 },
};

const descriptions: Record<DType, string> = {
  float32: "<f4",
  int8: "|i1",
  uint8: "|u1",
  bool: "|b1",
  int16: "<i2",
  int32: "<i4",
  int64: "<i8",
};

/**
 * Reads a .npy file, versions 1 to 3, little-endian.
 *
 * @throws NibbleError "bad-input" naming `file`.
 */
export function readNpy(bytes: Uint8Array, file: string): NpyArray {
  const fail = (what: string): never => {
    throw new NibbleError("bad-input", `${file}: ${what}`);
  };
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) return fail("not a .npy file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if (version < 1 || version > 3) return fail(`.npy version ${version}; expected 1, 2 or 3`);
  const start = version === 1 ? 10 : 12;
  const headerBytes =
    version === 1 ? view.getUint16(8, true) : bytes.length < 12 ? 0 : view.getUint32(8, true);
  if (start + headerBytes > bytes.length) return fail("the header is cut off");
  const header = new TextDecoder().decode(bytes.subarray(start, start + headerBytes));

  const description = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z]\d*)'/.exec(header);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header);
  const dimensions = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(header);
  if (!description || !order || !dimensions)
    return fail(`unreadable header ${JSON.stringify(header.trim())}`);
  const [, byteOrder, code] = description;
  const type = dtypes[code!];
  if (!type) {
    return fail(
      `element type "${code}"; expected one of ${Object.keys(dtypes).join(", ")}: save it as float32`,
    );
  }
  if (byteOrder === ">" && type.bytes > 1) return fail("big-endian elements; save them little-endian");
  const shape = dimensions[1]
    .split(",")
    .map((d) => d.trim().replace("L", ""))
    .filter((d) => d !== "")
    .map(Number);
  if (!shape.every(Number.isSafeInteger)) return fail(`unreadable shape (${dimensions[1]})`);

  const body = start + headerBytes;
  const count = elementCount(shape);
  const expected = count * type.bytes;
  if (bytes.length - body < expected) {
    return fail(`shape [${shape}] of ${code} needs ${expected} bytes, the file holds ${bytes.length - body}`);
  }
  // A copy, because the body need not be aligned. Not `slice`: that of a Node Buffer is a view.
  const { buffer } = new Uint8Array(bytes.subarray(body, body + expected));
  const raw: TensorData =
    code === "f8" ? Float32Array.from(new Float64Array(buffer)) : new (arrayOf(type.dtype))(buffer);
  return { dtype: type.dtype, shape, data: order[1] === "True" ? toRowMajor(raw, shape) : raw };
}

/** Column-major elements in row-major order. */
function toRowMajor(data: TensorData, shape: readonly number[]): TensorData {
  const result = data.slice();
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    let target = 0;
    for (let d = 0; d < shape.length; d++) target = target * shape[d] + index[d];
    result[target] = data[i];
    for (let d = 0; d < shape.length && ++index[d] === shape[d]; d++) index[d] = 0;
  }
  return result;
}

/** A version 1 .npy file, C order, little-endian. */
export function writeNpy({ dtype, shape, data }: NpyArray): Uint8Array {
  if (data.length !== elementCount(shape)) {
    throw new RangeError(
      `"data" expected ${elementCount(shape)} elements for [${shape}], got ${data.length}`,
    );
  }
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descriptions[dtype]}', 'fortran_order': False, 'shape': (${tuple}), }`;
  // The body starts at a multiple of 64; the header ends with a newline.
  const body = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(body + data.length * bytesPerElement(dtype));
  bytes.set([...magic, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, body - 10, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(body - 11)}\n`), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), body);
  return bytes;
}
