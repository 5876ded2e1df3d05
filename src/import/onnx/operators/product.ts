/** Products of two computed matrices. */
import { elementCount, noActivation, type Tensor } from "../../../graph/graph.ts";
import { reshape, type Scope, transpose } from "../scope.ts";
import { broadcastShape } from "../shape.ts";

interface ProductOptions {
  transposeA?: boolean;
  transposeB?: boolean;
  /** One value a column. */
  bias?: Tensor | null;
}

/** a [..., M, K] by b [..., K, N] with leading dimensions broadcast; both have at least two dimensions. */
export function product(scope: Scope, a: Tensor, b: Tensor, options: ProductOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, bias = null } = options;
  const sides = ({ shape }: Tensor, transposed: boolean): number[] => {
    const matrix = shape.slice(-2);
    return transposed ? matrix.reverse() : matrix;
  };
  const [m, k] = sides(a, transposeA);
  const [inner, n] = sides(b, transposeB);
  if (k !== inner) throw scope.bad(`expected a right operand with ${k} rows, found ${inner}`);
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2), scope.where);
  const attributes = { transposeA, transposeB, activation: noActivation };
  return scope.emit("matmul", [a, b, bias], attributes, [...batch, m, n]);
}

/** numpy's matmul: a first operand of one dimension is a row, a second one a column, and neither shows in the result. */
export function matMulOfComputed(scope: Scope, a: Tensor, b: Tensor): Tensor {
  if (a.shape.length === 0 || b.shape.length === 0) throw scope.bad("expected operands with dimensions");
  const row = a.shape.length === 1 ? reshape(scope, a, [1, a.shape[0]]) : a;
  const column = b.shape.length === 1 ? reshape(scope, b, [b.shape[0], 1]) : b;
  const y = product(scope, row, column);
  const shape = [...y.shape];
  if (b.shape.length === 1) shape.pop();
  if (a.shape.length === 1) shape.splice(b.shape.length === 1 ? -1 : -2, 1);
  return shape.length === y.shape.length ? y : reshape(scope, y, shape);
}

/** Letters of each operand and of the result, `...` written out with letters of its own. */
function parseEquation(scope: Scope, operands: readonly Tensor[]): { from: string[]; to: string } {
  const equation = scope.stringAttribute("equation", "").replaceAll(" ", "");
  const [left, right] = equation.split("->");
  const terms = (left ?? "").split(",");
  if (terms.length !== operands.length)
    throw scope.bad(`expected an equation of ${operands.length} operands, found "${equation}"`);
  const letters = (term: string) => term.replace("...", "");
  for (const term of [...terms, right ?? ""])
    if (!/^[A-Za-z]*$/.test(letters(term)))
      throw scope.bad(`expected letters and one "...", found "${term}"`);
  // Dimensions that "..." stands for are counted from the right, as numpy aligns them.
  const most = Math.max(
    ...terms.map((term, i) => (term.includes("...") ? operands[i].shape.length - letters(term).length : 0)),
  );
  const extra = Array.from({ length: Math.max(0, most) }, (_, i) => String.fromCharCode(0x3b1 + i)).join("");
  const from = terms.map((term, i) => {
    const count = operands[i].shape.length - letters(term).length;
    if (count < 0 || (count > 0 && !term.includes("...")))
      throw scope.bad(
        `expected ${letters(term).length} dimensions for "${term}", found [${operands[i].shape}]`,
      );
    return term.replace("...", count > 0 ? extra.slice(-count) : "");
  });
  if (right !== undefined) return { from, to: right.replace("...", extra) };
  const all = from.join("");
  const once = [...new Set(all)].filter((c) => !extra.includes(c) && all.indexOf(c) === all.lastIndexOf(c));
  return { from, to: extra + once.sort().join("") };
}

/** `x` with its dimensions, named `from`, in the order `to`. */
function arrange(scope: Scope, x: Tensor, from: string, to: string): Tensor {
  if (from === to) return x;
  return transpose(
    scope,
    x,
    [...to].map((letter) => from.indexOf(letter)),
  );
}

/** Einsum of two operands as transposes around one product, and of one operand as a transpose. */
export function einsum(scope: Scope): Tensor {
  const operands = scope.node.inputs.map((_, i) => scope.float(i));
  const { from, to } = parseEquation(scope, operands);
  const equation = scope.stringAttribute("equation", "");
  for (const term of [...from, to])
    if (new Set(term).size !== term.length) throw scope.unsupported(`equation "${equation}" with a diagonal`);
  if ([...to].some((letter) => !from.some((term) => term.includes(letter))))
    throw scope.bad(`expected a result of known letters, found "${equation}"`);
  const [a, b] = operands;
  const [p, q = ""] = from;
  if (operands.length > 2) throw scope.unsupported(`equation "${equation}" with more than two operands`);
  const summed = [...p].some((c) => !q.includes(c) && !to.includes(c));
  if (summed || [...q].some((c) => !p.includes(c) && !to.includes(c)))
    throw scope.unsupported(`equation "${equation}", which sums one operand by itself`);
  if (!b) return arrange(scope, a, p, to);
  const size = new Map([...p].map((letter, i) => [letter, a.shape[i]]));
  for (const [i, letter] of [...q].entries()) {
    if ((size.get(letter) ?? b.shape[i]) !== b.shape[i])
      throw scope.unsupported(`equation "${equation}" with dimensions that broadcast`);
    size.set(letter, b.shape[i]);
  }
  const pick = (test: (letter: string) => boolean) => [...size.keys()].filter(test).join("");
  const batch = pick((c) => p.includes(c) && q.includes(c) && to.includes(c));
  const inner = pick((c) => p.includes(c) && q.includes(c) && !to.includes(c));
  const rows = pick((c) => p.includes(c) && !q.includes(c));
  const columns = pick((c) => q.includes(c) && !p.includes(c));
  const sizes = (letters: string) => [...letters].map((letter) => size.get(letter)!);
  const count = (letters: string) => elementCount(sizes(letters));
  const left = reshape(scope, arrange(scope, a, p, batch + rows + inner), [
    ...sizes(batch),
    count(rows),
    count(inner),
  ]);
  const right = reshape(scope, arrange(scope, b, q, batch + inner + columns), [
    ...sizes(batch),
    count(inner),
    count(columns),
  ]);
  const made = batch + rows + columns;
  return arrange(scope, reshape(scope, product(scope, left, right), sizes(made)), made, to);
}
