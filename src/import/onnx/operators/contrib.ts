import { noActivation, type Tensor } from "../../../graph/graph.ts";
import { type Constant, floatConstant } from "../../../graph/passes/constant.ts";
import type { Scope } from "../scope.ts";

interface Blocks {
  n: number;
  k: number;
  bits: 8 | 4 | 2;
  size: number;
  /** Blocks in a row of weights. */
  count: number;
}

/** `count` values of `bits` bits in each of `rows` rows that begin at whole bytes, low bits first. */
function unpack(
  scope: Scope,
  tensor: Constant,
  bits: number,
  rows: number,
  count: number,
  role: string,
): Uint8Array {
  const rowBytes = Math.ceil((count * bits) / 8);
  if (tensor.dtype !== "uint8" || tensor.data.length !== rows * rowBytes) {
    throw scope.bad(
      `expected ${role} to be ${rows} × ${rowBytes} bytes, found ${tensor.data.length} × ${tensor.dtype}`,
    );
  }
  const bytes = tensor.data as Uint8Array;
  const perByte = 8 / bits;
  return new Uint8Array(rows * count).map((_, at) => {
    const [row, i] = [Math.floor(at / count), at % count];
    return (bytes[row * rowBytes + Math.floor(i / perByte)] >> ((i % perByte) * bits)) & (2 ** bits - 1);
  });
}

function blocksOf(scope: Scope): Blocks {
  const [n, k, bits, size] = ["N", "K", "bits", "block_size"].map((name) =>
    scope.intAttribute(name, name === "bits" ? 4 : 0),
  );
  if (bits !== 2 && bits !== 4 && bits !== 8) throw scope.unsupported(`${bits} bits (2, 4 and 8 work)`);
  if (!(n >= 1 && k >= 1 && size >= 16) || size & (size - 1))
    throw scope.bad(
      `expected N, K and a block_size of a power of 2 from 16 up, found ${n}, ${k} and ${size}`,
    );
  return { n, k, bits, size, count: Math.ceil(k / size) };
}

/**
 * x times weights of 2, 4 or 8 bits with a scale for every block of a row. Where the file lets activations be int8
 * (accuracy_level 4) the weights stay as they are; else they become float32 and nothing is rounded.
 */
function matMulNBits(scope: Scope): Tensor {
  const x = scope.float(0);
  const blocks = blocksOf(scope);
  const { n, k, bits, size, count } = blocks;
  if (x.shape.at(-1) !== k) throw scope.bad(`expected an operand of ${k} columns, found ${x.shape.at(-1)}`);
  if (scope.has(4)) throw scope.unsupported("g_idx, an order of rows");
  // Rows of whole blocks: each is padded to its size.
  const stored = unpack(scope, scope.constant(1, "the weights"), bits, n, count * size, "the weights");
  const scales = scope.constant(2, "the scales");
  if (!(scales.data instanceof Float32Array) || scales.data.length !== n * count)
    throw scope.bad(`expected ${n} × ${count} float scales, found ${scales.data.length} × ${scales.dtype}`);
  const zeros = scope.has(3) ? scope.constant(3, "the zero points") : undefined;
  if (zeros?.data instanceof Float32Array) throw scope.unsupported("float zero points");
  const middle = 2 ** (bits - 1);
  const zeroPoints = zeros
    ? unpack(scope, zeros, bits, n, count, "the zero points")
    : new Uint8Array(n * count).fill(middle);
  const bias = scope.has(5) ? scope.constant(5, "the bias") : null;
  if (bias && (bias.dtype !== "float32" || bias.data.length !== n))
    throw scope.bad(`expected a bias of ${n} floats, found ${bias.data.length} × ${bias.dtype}`);
  const flatBias = bias && { ...bias, shape: [n] };
  const shape = [...x.shape.slice(0, -1), n];
  const rowOf = (i: number) => Math.floor(i / k);
  const storedAt = (i: number) => rowOf(i) * count * size + (i % k);
  const name = scope.nameFor("weights");
  if (scope.intAttribute("accuracy_level", 0) === 4) {
    const weights: Constant = {
      name,
      dtype: "int8",
      shape: [n, k],
      data: new Int8Array(n * k).map((_, i) => stored[storedAt(i)] - middle),
      quantization: {
        scale: scales.data.slice(),
        zeroPoint: Int32Array.from(zeroPoints, (z) => z - middle),
        axis: 0,
      },
    };
    return scope.emit(
      "dynamicFullyConnected",
      [x, weights, flatBias],
      { activation: noActivation, bits, blockSize: size },
      shape,
    );
  }
  const scaleData = scales.data;
  const real = new Float32Array(n * k).map((_, i) => {
    const block = rowOf(i) * count + Math.floor((i % k) / size);
    return (stored[storedAt(i)] - zeroPoints[block]) * scaleData[block];
  });
  const weights = floatConstant(name, [n, k], real);
  return scope.emit("fullyConnected", [x, weights, flatBias], { activation: noActivation }, shape);
}

/** Operators of onnxruntime's own domain that are no shorthand for others. */
export const contrib: Record<string, (scope: Scope) => Tensor> = {
  "com.microsoft::MatMulNBits": matMulNBits,
};
