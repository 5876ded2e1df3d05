import {
  BINARY_ADD,
  BINARY_DIV,
  BINARY_EQUAL,
  BINARY_FLOOR_DIV,
  BINARY_FLOOR_MOD,
  BINARY_LESS,
  BINARY_LESS_EQUAL,
  BINARY_MAXIMUM,
  BINARY_MINIMUM,
  BINARY_MUL,
  BINARY_NOT_EQUAL,
  BINARY_POW,
  BINARY_PRELU,
  BINARY_REMAINDER,
  BINARY_SQUARED_DIFFERENCE,
  BINARY_SUB,
  OP_BINARY_F32,
  OP_BINARY_INT,
  OP_CAST,
  OP_SELECT,
} from "../../../assembly/codes.ts";
import {
  B_A_STRIDES,
  B_B_STRIDES,
  B_DIMS,
  B_KIND,
  B_MAX,
  B_MIN,
  BINARY_RECORD_BYTES,
  J_CONDITION_STRIDES,
  SELECT_RECORD_BYTES,
  UNARY_RECORD_BYTES,
} from "../../../assembly/records.ts";
import { type BinaryKind, isComparison, isUnbounded, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { inputOf, type Lowering, sameQuantization, unsupported } from "../lowering.ts";
import { type Fields, listFields, record } from "../record.ts";
import { broadcastStrides, collapse } from "../strides.ts";

type Kind = BinaryKind | "add" | "sub" | "mul";

const kinds: Record<Kind, number> = {
  add: BINARY_ADD,
  and: BINARY_MINIMUM,
  div: BINARY_DIV,
  equal: BINARY_EQUAL,
  floorDiv: BINARY_FLOOR_DIV,
  floorMod: BINARY_FLOOR_MOD,
  // With operands exchanged.
  greater: BINARY_LESS,
  greaterEqual: BINARY_LESS_EQUAL,
  less: BINARY_LESS,
  lessEqual: BINARY_LESS_EQUAL,
  maximum: BINARY_MAXIMUM,
  minimum: BINARY_MINIMUM,
  mul: BINARY_MUL,
  notEqual: BINARY_NOT_EQUAL,
  or: BINARY_MAXIMUM,
  pow: BINARY_POW,
  prelu: BINARY_PRELU,
  remainder: BINARY_REMAINDER,
  squaredDifference: BINARY_SQUARED_DIFFERENCE,
  sub: BINARY_SUB,
  xor: BINARY_NOT_EQUAL,
};

const logic: readonly Kind[] = ["and", "or", "xor"];
const onlyFloat: readonly Kind[] = ["pow", "prelu"];
const onlyWhole: readonly Kind[] = ["floorMod", "remainder"];
/** What stored 8-bit values do as their real values do, where the quantization is one. */
const asStored: readonly Kind[] = ["maximum", "minimum"];

/** Why the kernels do not take these types, or undefined. */
function refusal(kind: Kind, a: Tensor, b: Tensor, y: Tensor): string | undefined {
  if (a.dtype !== b.dtype) return `operands of ${a.dtype} and ${b.dtype}`;
  const result = isComparison(kind as BinaryKind) ? "bool" : a.dtype;
  if (y.dtype !== result) return `a result of ${y.dtype} from ${a.dtype}, expected ${result}`;
  const isFloat = a.dtype === "float32";
  if (isFloat ? onlyWhole.includes(kind) : onlyFloat.includes(kind)) return `${kind} of ${a.dtype}`;
  if (logic.includes(kind) !== (a.dtype === "bool") && !isComparison(kind as BinaryKind))
    return `${kind} of ${a.dtype}`;
  if (!a.quantization && !b.quantization && !y.quantization) return undefined;
  if (!asStored.includes(kind) && !isComparison(kind as BinaryKind))
    return `${kind} of quantized values has no kernel; keep it float32`;
  const isOne = sameQuantization(a, b) && (y.dtype === "bool" || sameQuantization(a, y));
  return isOne ? undefined : `${kind} of values that differ in scale or zero point; put a quantize in front`;
}

/** Dimensions and strides of `operands` broadcast to `y`. */
function walkOf(node: { op: string; name: string }, operands: readonly Tensor[], y: Tensor) {
  const strides = operands.map((t) => broadcastStrides(t.shape, y.shape));
  const loops = collapse(y.shape, strides);
  const shapes = operands.map((t) => `[${t.shape}]`).join(" against ");
  if (!loops) throw unsupported(node.op, node.name, `${shapes} broadcasts in too many dimensions`);
  return loops;
}

type ArithmeticNode = NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul"> | NodeOf<"binary">;

/** `binary`, and add, sub and mul of whole numbers. */
export function lowerArithmetic(lowering: Lowering, node: ArithmeticNode): void {
  const kind = node.op === "binary" ? node.attributes.kind : node.op;
  const isSwapped = kind === "greater" || kind === "greaterEqual";
  const [a, b] = isSwapped ? [inputOf(node, 1), inputOf(node)] : [inputOf(node), inputOf(node, 1)];
  const y = node.outputs[0];
  const reason = refusal(kind, a, b, y);
  if (reason) throw unsupported(node.op, node.name, reason);
  const { min, max } = node.attributes.activation;
  if (y.dtype !== "float32" && !isUnbounded(node.attributes.activation))
    throw unsupported(node.op, node.name, `a fused activation of ${y.dtype}; use a separate operator`);
  const { dims, strides } = walkOf(node, [a, b], y);
  const code = y.dtype === "float32" ? OP_BINARY_F32 : OP_BINARY_INT;
  const ints: Fields = [
    [B_KIND, kinds[kind]],
    ...listFields(B_DIMS, dims),
    ...listFields(B_A_STRIDES, strides[0]),
    ...listFields(B_B_STRIDES, strides[1]),
  ];
  const floats: Fields = [
    [B_MIN, min],
    [B_MAX, max],
  ];
  lowering.emit({
    node: node.name,
    record: record(code, BINARY_RECORD_BYTES, ints, code === OP_BINARY_F32 ? floats : []),
    input: a,
    input2: b,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

export function lowerSelect(lowering: Lowering, node: NodeOf<"select">): void {
  const [condition, a, b] = [inputOf(node), inputOf(node, 1), inputOf(node, 2)];
  const y = node.outputs[0];
  if (condition.dtype !== "bool" || a.dtype !== y.dtype || b.dtype !== y.dtype)
    throw unsupported(
      node.op,
      node.name,
      `expected bool and two values of ${y.dtype}, found ${condition.dtype}, ${a.dtype}, ${b.dtype}`,
    );
  const hasScale = a.quantization || b.quantization || y.quantization;
  if (hasScale && !(sameQuantization(a, y) && sameQuantization(b, y)))
    throw unsupported(
      node.op,
      node.name,
      "values that differ in scale or zero point; put a quantize in front",
    );
  const { dims, strides } = walkOf(node, [condition, a, b], y);
  lowering.emit({
    node: node.name,
    record: record(OP_SELECT, SELECT_RECORD_BYTES, [
      ...listFields(B_DIMS, dims),
      ...listFields(J_CONDITION_STRIDES, strides[0]),
      ...listFields(B_A_STRIDES, strides[1]),
      ...listFields(B_B_STRIDES, strides[2]),
    ]),
    input: condition,
    input2: a,
    input3: b,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

export function lowerCast(lowering: Lowering, node: NodeOf<"cast">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  if (x.quantization || y.quantization)
    throw unsupported(node.op, node.name, "quantized values have no cast; use quantize or dequantize");
  lowering.emit({
    node: node.name,
    record: record(OP_CAST, UNARY_RECORD_BYTES, []),
    input: x,
    input2: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}
