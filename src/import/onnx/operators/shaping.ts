import { noActivation, type Tensor } from "../../../graph/graph.ts";
import { reshape, type Scope, transpose } from "../scope.ts";
import { isPermutation, normalAxes, normalAxis } from "../shape.ts";
import { flattenedShape, permOf, reshapedShape, squeezedShape, unsqueezedShape } from "../target-shape.ts";

const reshaper =
  (target: (scope: Scope, from: readonly number[]) => number[]) =>
  (scope: Scope): Tensor => {
    const x = scope.input(0);
    return reshape(scope, x, target(scope, x.shape));
  };

function transposed(scope: Scope): Tensor {
  const x = scope.input(0);
  const perm = permOf(scope, x.shape.length);
  if (!isPermutation(perm, x.shape.length))
    throw scope.bad(`expected a permutation, found [${perm.join(", ")}]`);
  return transpose(scope, x, perm);
}

function concat(scope: Scope): Tensor {
  const parts = scope.node.inputs.map((_, i) => scope.float(i));
  if (parts.length === 0) throw scope.bad("expected operands, found none");
  const [first] = parts;
  const axis = normalAxis(scope.intAttribute("axis", 1), first.shape.length, scope.where);
  for (const part of parts) {
    const fits =
      part.shape.length === first.shape.length &&
      part.shape.every((d, i) => i === axis || d === first.shape[i]);
    if (!fits)
      throw scope.bad(`expected shapes like [${first.shape.join(", ")}], found [${part.shape.join(", ")}]`);
  }
  const shape = [...first.shape];
  shape[axis] = parts.reduce((n, part) => n + part.shape[axis], 0);
  return scope.emit("concat", parts, { axis, activation: noActivation }, shape);
}

/** Pad with a constant; pads and value are attributes before opset 11 and inputs since. */
function pad(scope: Scope): Tensor {
  const x = scope.float(0);
  const mode = scope.stringAttribute("mode", "constant");
  if (mode !== "constant") throw scope.unsupported(`mode ${mode}`);
  const hasInputs = scope.opset >= 11;
  const pads = hasInputs ? scope.integers(1, "pads") : (scope.intsAttribute("pads") ?? []);
  const value = hasInputs
    ? scope.has(2)
      ? scope.scalar(2, "the value")
      : 0
    : scope.floatAttribute("value", 0);
  const rank = x.shape.length;
  const given = scope.has(3) ? scope.integers(3, "axes") : x.shape.map((_, i) => i);
  const axes = given.map((axis) => normalAxis(axis, rank, scope.where));
  normalAxes(given, rank, scope.where);
  if (pads.length !== 2 * axes.length) {
    throw scope.bad(`expected ${2 * axes.length} pads, found ${pads.length}`);
  }
  if (pads.some((p) => p < 0)) throw scope.unsupported("negative pads");
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  axes.forEach((axis, i) => {
    before[axis] = pads[i];
    after[axis] = pads[axes.length + i];
  });
  const shape = x.shape.map((d, i) => d + before[i] + after[i]);
  return scope.emit("pad", [x], { before, after, value }, shape);
}

function dropout(scope: Scope): Tensor {
  if (scope.has(2) && scope.scalar(2, "training_mode") !== 0) throw scope.unsupported("training_mode 1");
  return scope.input(0);
}

/** Operators that only move, repeat or rename elements. */
export const shaping: Record<string, (scope: Scope) => Tensor> = {
  Concat: concat,
  Dropout: dropout,
  Flatten: reshaper(flattenedShape),
  Identity: (scope) => scope.input(0),
  Pad: pad,
  Reshape: reshaper(reshapedShape),
  Squeeze: reshaper(squeezedShape),
  Transpose: transposed,
  Unsqueeze: reshaper(unsqueezedShape),
};
