import { elementCount, noActivation, type Tensor } from "../../../graph/graph.ts";
import {
  broadcastSteps,
  type Constant,
  floatConstant,
  gather,
  isFloatConstant,
  permuteConstant,
  reshapeConstant,
  walk,
} from "../../../graph/passes/constant.ts";
import { reshape, type Scope, transpose } from "../scope.ts";
import { broadcastShape } from "../shape.ts";
import { hasSharedConstant, type SharedConstant, sharedConstant } from "./operand.ts";
import { matMulOfComputed, product } from "./product.ts";

const scaled = (scope: Scope, constant: Constant, factor: number, role: string): Constant => {
  if (factor === 1) return constant;
  if (!isFloatConstant(constant)) throw scope.unsupported(`${role} scaled by ${factor} and quantized`);
  return { ...constant, data: constant.data.map((v) => v * factor) };
};

/** [K, N] → the [N, K] of fullyConnected. */
const columnsFirst = (scope: Scope, weights: Constant): Constant =>
  permuteConstant(weights, [1, 0], scope.nameFor("weights"));

function fullyConnected(scope: Scope, x: Tensor, weights: Tensor, bias: Tensor | null): Tensor {
  const shape = [...x.shape.slice(0, -1), weights.shape[0]];
  return scope.emit("fullyConnected", [x, weights, bias], { activation: noActivation }, shape);
}

/** C as a bias per column, when it does not differ by row. */
function biasOf(scope: Scope, shared: SharedConstant, columns: number, beta: number): Tensor | null {
  const { tensor, use } = shared;
  const isRow = tensor.data.length === columns && (tensor.shape[tensor.shape.length - 1] ?? 1) === columns;
  if (isRow) return use(scaled(scope, { ...tensor, shape: [columns] }, beta, "C"));
  if (tensor.data.length !== 1 || !isFloatConstant(tensor)) return null;
  return floatConstant(
    scope.nameFor("bias"),
    [columns],
    new Float32Array(columns).fill(tensor.data[0] * beta),
  );
}

/** `x` times a number that is not 1. */
function times(scope: Scope, x: Tensor, factor: number): Tensor {
  if (factor === 1) return x;
  const number = floatConstant(scope.nameFor("factor"), [], Float32Array.of(factor));
  return scope.emit("mul", [x, number], { activation: noActivation }, x.shape);
}

/** alpha · A · B + beta · C with computed B or C, one operator after another. */
function gemmOfComputed(scope: Scope): Tensor {
  const [a, b] = [scope.float(0), scope.float(1)];
  if (a.shape.length !== 2 || b.shape.length !== 2)
    throw scope.bad(`expected matrices, found [${a.shape.join(", ")}] and [${b.shape.join(", ")}]`);
  const transposeA = scope.intAttribute("transA", 0) !== 0;
  const transposeB = scope.intAttribute("transB", 0) !== 0;
  const alpha = scope.floatAttribute("alpha", 1);
  const beta = scope.floatAttribute("beta", 1);
  if (!scope.has(2) || beta === 0)
    return times(scope, product(scope, a, b, { transposeA, transposeB }), alpha);
  const c = scope.float(2);
  const columns = b.shape[transposeB ? 0 : 1];
  const isBias = alpha === 1 && beta === 1 && c.shape.length === 1 && c.shape[0] === columns;
  const y = times(scope, product(scope, a, b, { transposeA, transposeB, bias: isBias ? c : null }), alpha);
  if (isBias) return y;
  const shape = broadcastShape(c.shape, y.shape, scope.where);
  if (shape.join() !== y.shape.join())
    throw scope.bad(`expected C that broadcasts to [${y.shape.join(", ")}], found [${c.shape.join(", ")}]`);
  return scope.emit("add", [y, times(scope, c, beta)], { activation: noActivation }, shape);
}

/** alpha · A · B + beta · C; constant C becomes the bias, or an addition when it differs by row. */
export function gemm(scope: Scope): Tensor {
  const isConstantC = !scope.has(2) || hasSharedConstant(scope, 2);
  if (!hasSharedConstant(scope, 1) || !isConstantC) return gemmOfComputed(scope);
  const given = scope.float(0);
  const weights = sharedConstant(scope, 1, "B");
  const b = weights.tensor;
  if (given.shape.length !== 2 || b.shape.length !== 2) {
    throw scope.bad(`expected matrices, found [${given.shape.join(", ")}] and [${b.shape.join(", ")}]`);
  }
  const x = scope.intAttribute("transA", 0) ? transpose(scope, given, [1, 0]) : given;
  const rows = scope.intAttribute("transB", 0) ? b : columnsFirst(scope, b);
  if (rows.shape[1] !== x.shape[1]) {
    throw scope.bad(`expected B with ${x.shape[1]} rows to multiply, found ${rows.shape[1]}`);
  }
  const w = weights.use(scaled(scope, rows, scope.floatAttribute("alpha", 1), "B"));
  const columns = rows.shape[0];
  const beta = scope.floatAttribute("beta", 1);
  if (!scope.has(2) || beta === 0) return fullyConnected(scope, x, w, null);
  const c = sharedConstant(scope, 2, "C");
  const shape = [x.shape[0], columns];
  if (broadcastShape(c.tensor.shape, shape, scope.where).join() !== shape.join()) {
    throw scope.bad(
      `expected C that broadcasts to [${shape.join(", ")}], found [${c.tensor.shape.join(", ")}]`,
    );
  }
  const bias = biasOf(scope, c, columns, beta);
  const y = fullyConnected(scope, x, w, bias);
  if (bias) return y;
  if (!isFloatConstant(c.tensor)) throw scope.unsupported("quantized C that differs by row");
  const full = gather(c.tensor.data, elementCount(shape), walk(shape, broadcastSteps(c.tensor.shape, shape)));
  const addend = scaled(scope, floatConstant(scope.nameFor("C"), shape, full as Float32Array), beta, "C");
  return scope.emit("add", [y, addend], { activation: noActivation }, shape);
}

/** A · B. A constant matrix (or vector) B makes fully connected layers; leading dimensions of A stay where they are. */
export function matMul(scope: Scope): Tensor {
  const a = scope.float(0);
  const right = scope.float(1);
  const leading = right.shape.slice(0, -2);
  const isBatch = leading.some((d) => d !== 1) || (leading.length > 0 && right.shape.length > a.shape.length);
  if (isBatch || !hasSharedConstant(scope, 1)) return matMulOfComputed(scope, a, right);
  const { tensor: b, use } = sharedConstant(scope, 1, "right operand");
  const isVector = b.shape.length === 1;
  if (a.shape.length === 0 || b.shape.length === 0) throw scope.bad("expected operands with dimensions");
  const matrix = reshapeConstant(b, isVector ? [b.shape[0], 1] : b.shape.slice(-2));
  if (!matrix) throw scope.unsupported("a right operand quantized along a leading dimension");
  if (matrix.shape[0] !== a.shape[a.shape.length - 1]) {
    throw scope.bad(
      `expected a right operand with ${a.shape[a.shape.length - 1]} rows, found ${matrix.shape[0]}`,
    );
  }
  const weights = use(columnsFirst(scope, matrix));
  const x = a.shape.length === 1 ? reshape(scope, a, [1, a.shape[0]]) : a;
  const y = fullyConnected(scope, x, weights, null);
  const rows = a.shape.slice(0, -1);
  const shape = isVector ? rows : [...rows, matrix.shape[1]];
  return shape.length === y.shape.length ? y : reshape(scope, y, shape);
}
