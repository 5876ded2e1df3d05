import type { Attributes, Tensor, UnaryKind } from "../../graph/graph.ts";
import {
  activationOf,
  type Conversion,
  checkActivation,
  checkSameType,
  checkShape,
  emit,
  input,
  type Operator,
  optionsOf,
  output,
  show,
  wrong,
} from "./operator.ts";
import { readBool, readFloat32 } from "./reader.ts";
import { options } from "./schema.ts";

/** numpy's broadcast of two shapes. */
export function broadcast(operator: Operator, a: Tensor, b: Tensor): number[] {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, i) => {
    const p = a.shape[a.shape.length - rank + i] ?? 1;
    const q = b.shape[b.shape.length - rank + i] ?? 1;
    if (p !== q && p !== 1 && q !== 1) {
      throw wrong(operator, `shapes of ${show(a)} and ${show(b)} do not broadcast`);
    }
    return p === 1 ? q : p;
  });
}

/** ADD, SUB and MUL; each has its fused activation in a field of its own options. */
export function convertBinary(op: "add" | "sub" | "mul"): Conversion {
  const ids = options[op];
  return (operator) => {
    const a = input(operator, 0);
    const b = input(operator, 1);
    const y = output(operator);
    for (const tensor of [a, b, y]) {
      checkActivation(operator, tensor);
      checkSameType(operator, tensor, y);
    }
    checkShape(operator, y, broadcast(operator, a, b));
    emit(operator, op, [a, b], {
      activation: activationOf(operator, optionsOf(operator, ids.type), ids.activation),
    });
  };
}

type UnaryAttributes = Attributes["unary"];

function convertUnaryWith(attributesOf: (operator: Operator) => UnaryAttributes): Conversion {
  return (operator) => {
    const x = input(operator, 0);
    const y = output(operator);
    checkActivation(operator, x);
    checkActivation(operator, y);
    checkSameType(operator, x, y);
    checkShape(operator, y, x.shape);
    emit(operator, "unary", [x], attributesOf(operator));
  };
}

export const convertUnary = (kind: UnaryKind): Conversion => convertUnaryWith(() => ({ kind }));

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
