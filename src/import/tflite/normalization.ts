import { elementCount, isUnbounded, noActivation, type Tensor, type UnaryKind } from "../../graph/graph.ts";
import { floatConstant } from "../../graph/passes/constant.ts";
import {
  activationOf,
  checkShape,
  emit,
  input,
  type Operator,
  optionsOf,
  output,
  refused,
  requiredOptions,
  show,
  wrong,
} from "./operator.ts";
import { readFloat32, readInt32 } from "./reader.ts";
import { options } from "./schema.ts";

function floatOperands(operator: Operator): { x: Tensor; y: Tensor } {
  const [x, y] = [input(operator, 0), output(operator)];
  for (const tensor of [x, y])
    if (tensor.dtype !== "float32") throw refused(operator, `tensor ${show(tensor)}: float32 was expected`);
  checkShape(operator, y, x.shape);
  if (x.shape.length === 0) throw refused(operator, `tensor ${show(x)} is a scalar`);
  return { x, y };
}

/** Rows of the last dimension divided by their length, which counts as at least 10⁻⁶. */
export function convertL2Normalization(operator: Operator): void {
  const { x } = floatOperands(operator);
  const table = optionsOf(operator, options.l2Norm.type);
  if (!isUnbounded(activationOf(operator, table, options.l2Norm.activation)))
    throw refused(operator, "a fused activation");
  emit(operator, "normalize", [x, null, null], {
    centered: false,
    isSum: true,
    floor: true,
    epsilon: 1e-12,
  });
}

/**
 * x · (bias + alpha · Σ x²)^−beta over the channels within `radius`. The sum is an average pool over channels, the
 * power exp(−beta · log).
 */
export function convertLocalResponseNormalization(operator: Operator): void {
  const { x } = floatOperands(operator);
  const ids = options.localResponseNormalization;
  const table = requiredOptions(operator, ids.type);
  const radius = readInt32(table, ids.radius);
  const [bias, alpha, beta] = [ids.bias, ids.alpha, ids.beta].map((id) => readFloat32(table, id));
  if (radius < 0 || radius > 1 << 16) throw wrong(operator, `radius ${radius}`);
  if (!(bias > 0) || !(alpha >= 0) || !Number.isFinite(beta))
    throw refused(operator, `bias ${bias}, alpha ${alpha} or beta ${beta}; bias has to be above 0`);
  const made = (part: string, shape: number[]): Tensor => ({
    name: operator.tensors.uniqueName(`${output(operator).name}/${part}`),
    dtype: "float32",
    shape,
  });
  const constant = (part: string, value: number): Tensor =>
    floatConstant(made(part, [1]).name, [1], Float32Array.of(value));
  const unary = (kind: UnaryKind, t: Tensor): Tensor => {
    const to = made(kind, t.shape);
    emit(operator, "unary", [t], { kind }, to);
    return to;
  };
  const binary = (op: "add" | "mul", t: Tensor, part: string, value: number): Tensor => {
    const to = made(op, t.shape);
    emit(operator, op, [t, constant(part, value)], { activation: noActivation }, to);
    return to;
  };
  const channels = x.shape.at(-1)!;
  const column = made("column", [elementCount(x.shape) / channels, channels, 1, 1]);
  emit(operator, "reshape", [unary("square", x)], {}, column);
  const mean = made("mean", column.shape);
  const size = 2 * radius + 1;
  emit(
    operator,
    "averagePool2d",
    [column],
    {
      kernel: [size, 1],
      stride: [1, 1],
      padding: { top: radius, left: 0, bottom: radius, right: 0 },
      activation: noActivation,
      countIncludePad: true,
    },
    mean,
  );
  const back = made("back", x.shape);
  emit(operator, "reshape", [mean], {}, back);
  const base = binary("add", binary("mul", back, "alpha", alpha * size), "bias", bias);
  const factor = unary("exp", binary("mul", unary("log", base), "beta", -beta));
  emit(operator, "mul", [x, factor], { activation: noActivation });
}
