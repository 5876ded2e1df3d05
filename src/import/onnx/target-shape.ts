import { elementCount } from "../../graph/graph.ts";
import type { Scope } from "./scope.ts";
import { checkedCount, normalAxes } from "./shape.ts";

const listOf = (scope: Scope, index: number, name: string, sinceInput: number): number[] | undefined => {
  if (scope.opset < sinceInput) return scope.intsAttribute(name);
  return scope.has(index) ? scope.integers(index, name) : undefined;
};

/** Reshape: 0 copies the dimension (unless allowzero), −1 takes what is left. */
export function reshapedShape(scope: Scope, from: readonly number[]): number[] {
  const wanted = scope.integers(1, "the shape");
  const copiesZero = scope.intAttribute("allowzero", 0) === 0;
  const shape = wanted.map((d, i) => (d === 0 && copiesZero ? (from[i] ?? -2) : d));
  const open = shape.filter((d) => d === -1).length;
  const count = elementCount(from);
  const known = elementCount(shape.filter((d) => d !== -1));
  const isValid =
    shape.every((d) => d >= -1) && open <= 1 && (open === 0 || (known > 0 && count % known === 0));
  const resolved = isValid ? shape.map((d) => (d === -1 ? count / known : d)) : [];
  if (!isValid || checkedCount(resolved, scope.where) !== count) {
    throw scope.bad(
      `expected a shape of ${count} elements, found [${wanted.join(", ")}] for [${from.join(", ")}]`,
    );
  }
  return resolved;
}

/** Squeeze: the given axes, or every dimension of size 1. */
export function squeezedShape(scope: Scope, from: readonly number[]): number[] {
  const given = listOf(scope, 1, "axes", 13);
  if (!given) return from.filter((d) => d !== 1);
  const axes = normalAxes(given, from.length, scope.where);
  const wide = axes.find((axis) => from[axis] !== 1);
  if (wide !== undefined) throw scope.bad(`expected dimension ${wide} to be 1, found ${from[wide]}`);
  return from.filter((_, i) => !axes.includes(i));
}

/** Unsqueeze: axes count in the result. */
export function unsqueezedShape(scope: Scope, from: readonly number[]): number[] {
  const given = listOf(scope, 1, "axes", 13);
  if (!given) throw scope.bad("expected axes, found none");
  const axes = normalAxes(given, from.length + given.length, scope.where);
  let next = 0;
  return Array.from({ length: from.length + axes.length }, (_, i) => (axes.includes(i) ? 1 : from[next++]));
}

/** Flatten: two dimensions, split before `axis`. */
export function flattenedShape(scope: Scope, from: readonly number[]): number[] {
  const given = scope.intAttribute("axis", 1);
  const axis = given < 0 ? given + from.length : given;
  if (!(axis >= 0 && axis <= from.length))
    throw scope.bad(`expected an axis of ${from.length} or less, found ${given}`);
  return [elementCount(from.slice(0, axis)), elementCount(from.slice(axis))];
}

/** Transpose: reversed unless the node says otherwise. */
export const permOf = (scope: Scope, rank: number): number[] =>
  scope.intsAttribute("perm") ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
