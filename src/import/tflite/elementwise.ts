import { type Attributes, isUnbounded, type Tensor, type UnaryKind } from "../../graph/graph.ts";
import { negateWhole } from "./arithmetic.ts";
import {
  activationOf,
  broadcast,
  type Conversion,
  checkActivation,
  checkSameType,
  checkShape,
  emit,
  input,
  type Operator,
  optionsOf,
  output,
  refused,
  withInt16,
  wrong,
} from "./operator.ts";
import { readBool, readFloat32 } from "./reader.ts";
import { options } from "./schema.ts";

const isWhole = ({ dtype }: Tensor): boolean => dtype === "int32" || dtype === "int64";

/** ADD, SUB and MUL, of whole numbers too; each has its fused activation in a field of its own options. */
export function convertBinary(op: "add" | "sub" | "mul"): Conversion {
  const ids = options[op];
  return (operator) => {
    const a = input(operator, 0);
    const b = input(operator, 1);
    const y = output(operator);
    for (const tensor of [a, b, y]) {
      if (!isWhole(tensor)) checkActivation(operator, tensor, withInt16);
      checkSameType(operator, tensor, y);
    }
    checkShape(operator, y, broadcast(operator, a, b));
    const activation = activationOf(operator, optionsOf(operator, ids.type), ids.activation);
    if (isWhole(y) && !isUnbounded(activation)) throw refused(operator, `a fused activation of ${y.dtype}`);
    emit(operator, op, [a, b], { activation });
  };
}

type UnaryAttributes = Attributes["unary"];

function convertUnaryWith(attributesOf: (operator: Operator) => UnaryAttributes): Conversion {
  return (operator) => {
    const x = input(operator, 0);
    const y = output(operator);
    for (const tensor of [x, y]) checkActivation(operator, tensor, withInt16);
    checkSameType(operator, x, y);
    checkShape(operator, y, x.shape);
    emit(operator, "unary", [x], attributesOf(operator));
  };
}

export const convertUnary = (kind: UnaryKind): Conversion => convertUnaryWith(() => ({ kind }));

export const convertNeg: Conversion = (operator) => {
  const x = input(operator, 0);
  if (!isWhole(x)) return convertUnary("neg")(operator);
  checkSameType(operator, x, output(operator));
  checkShape(operator, output(operator), x.shape);
  negateWhole(operator, x);
};

export const convertClip = (min: number, max: number): Conversion =>
  convertUnaryWith(() => ({ kind: "clip", min, max }));

/** TFLite's ELU has no coefficient. */
export const convertElu: Conversion = convertUnaryWith(() => ({ kind: "elu", alpha: 1 }));

export const convertLeakyRelu: Conversion = convertUnaryWith((operator) => {
  const table = optionsOf(operator, options.leakyRelu.type);
  const alpha = table ? readFloat32(table, options.leakyRelu.alpha) : 0;
  if (!Number.isFinite(alpha)) throw wrong(operator, `slope ${alpha}`);
  return { kind: "leakyRelu", alpha };
});

export const convertGelu: Conversion = convertUnaryWith((operator) => {
  const table = optionsOf(operator, options.gelu.type);
  return { kind: "gelu", approximate: table !== undefined && readBool(table, options.gelu.approximate) };
});
