import { noActivation, type Tensor } from "../../../graph/graph.ts";
import { sameQuantization } from "../../../graph/passes/rewrite.ts";
import { reshape, type Scope, transpose } from "../scope.ts";
import { isPermutation, normalAxis } from "../shape.ts";
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
  const parts = scope.node.inputs.map((_, i) => scope.input(i));
  if (parts.length === 0) throw scope.bad("expected operands, found none");
  const [first] = parts;
  const axis = normalAxis(scope.intAttribute("axis", 1), first.shape.length, scope.where);
  for (const part of parts) {
    if (!sameQuantization(part, first))
      throw scope.unsupported(`"${part.name}" and "${first.name}" of different types or scales`);
    const fits =
      part.shape.length === first.shape.length &&
      part.shape.every((d, i) => i === axis || d === first.shape[i]);
    if (!fits)
      throw scope.bad(`expected shapes like [${first.shape.join(", ")}], found [${part.shape.join(", ")}]`);
  }
  const shape = [...first.shape];
  shape[axis] = parts.reduce((n, part) => n + part.shape[axis], 0);
  const filled = parts.filter((part) => part.shape[axis] > 0);
  if (filled.length === 1) return filled[0];
  return scope.emit("concat", filled, { axis, activation: noActivation }, shape, first);
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
  Reshape: reshaper(reshapedShape),
  Squeeze: reshaper(squeezedShape),
  Transpose: transposed,
  Unsqueeze: reshaper(unsqueezedShape),
};
