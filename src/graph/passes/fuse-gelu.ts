import { type Graph, isUnbounded, type Node, type Tensor } from "../graph.ts";
import { isFloatConstant } from "./constant.ts";
import { isFloat, makeNode, sameShape, type Uses, usesOf } from "./rewrite.ts";

/** A product: one number times tensors, which may come several times. */
interface Product {
  factor: number;
  terms: Tensor[];
}

const deepest = 6;

/** The number that a constant of one element holds. */
const numberOf = (tensor: Tensor | null): number | undefined =>
  isFloatConstant(tensor) && tensor.data.length === 1 ? tensor.data[0] : undefined;

/** `tensor` as a product, in which x is not taken apart. */
function productOf(uses: Uses, tensor: Tensor, x: Tensor, depth = 0): Product {
  const known = numberOf(tensor);
  if (known !== undefined) return { factor: known, terms: [] };
  const itself: Product = { factor: 1, terms: [tensor] };
  const node = tensor !== x && depth < deepest ? uses.producer(tensor) : undefined;
  if (!node) return itself;
  const of = (i: number): Product => productOf(uses, node.inputs[i]!, x, depth + 1);
  if (node.op === "mul" && isUnbounded(node.attributes.activation)) {
    const [a, b] = [of(0), of(1)];
    return { factor: a.factor * b.factor, terms: [...a.terms, ...b.terms] };
  }
  const power = (n: number): Product => {
    const base = of(0);
    return { factor: base.factor ** n, terms: Array.from({ length: n }, () => base.terms).flat() };
  };
  if (node.op === "unary" && node.attributes.kind === "square") return power(2);
  if (node.op !== "binary" || !isUnbounded(node.attributes.activation)) return itself;
  const exponent = numberOf(node.inputs[1]);
  const { kind } = node.attributes;
  if (kind === "pow" && (exponent === 2 || exponent === 3)) return power(exponent);
  if (kind === "div" && exponent) {
    const { factor, terms } = of(0);
    return { factor: factor / exponent, terms };
  }
  return itself;
}

const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-5 * Math.abs(b);

const isPower = ({ terms }: Product, x: Tensor, n: number): boolean =>
  terms.length === n && terms.every((term) => term === x);

/** The two addends of an unclamped sum. */
function addendsOf(uses: Uses, tensor: Tensor): [Tensor, Tensor] | undefined {
  const node = uses.producer(tensor);
  return node?.op === "add" && isUnbounded(node.attributes.activation)
    ? [node.inputs[0]!, node.inputs[1]!]
    : undefined;
}

/** The other addend of 1 + something. */
function besideOne(uses: Uses, tensor: Tensor): Tensor | undefined {
  const addends = addendsOf(uses, tensor);
  const at = addends?.findIndex((addend) => numberOf(addend) === 1) ?? -1;
  return at < 0 ? undefined : addends![1 - at];
}

/** √(2/π) · (x + 0.044715·x³), as a sum or with x in front of the parentheses. */
function isTanhArgument(uses: Uses, tensor: Tensor, x: Tensor): boolean {
  const { factor, terms } = productOf(uses, tensor, x);
  if (!isNear(factor, Math.sqrt(2 / Math.PI))) return false;
  const isCubic = (addend: Tensor, n: number): boolean => {
    const cubic = productOf(uses, addend, x);
    return isNear(cubic.factor, 0.044715) && isPower(cubic, x, n);
  };
  if (terms.length === 1) {
    const addends = addendsOf(uses, terms[0]);
    return addends?.some((addend, i) => addend === x && isCubic(addends[1 - i], 3)) ?? false;
  }
  const at = terms.indexOf(x);
  const rest = terms.length === 2 && at >= 0 ? besideOne(uses, terms[1 - at]) : undefined;
  return rest !== undefined && isCubic(rest, 2);
}

/** Which gelu of x `node` is the last multiplication of. */
function matchOf(uses: Uses, node: Node, x: Tensor): { approximate: boolean } | undefined {
  const { factor, terms } = productOf(uses, node.outputs[0], x);
  if (factor !== 0.5 || terms.length !== 2 || !terms.includes(x)) return undefined;
  const inner = besideOne(uses, terms[terms[0] === x ? 1 : 0]);
  const curve = inner && uses.producer(inner);
  if (curve?.op !== "unary") return undefined;
  const argument = curve.inputs[0]!;
  if (curve.attributes.kind === "tanh")
    return isTanhArgument(uses, argument, x) ? { approximate: true } : undefined;
  const scaled = productOf(uses, argument, x);
  const isErf =
    curve.attributes.kind === "erf" && isNear(scaled.factor, Math.SQRT1_2) && isPower(scaled, x, 1);
  return isErf ? { approximate: false } : undefined;
}

/** What may be x: operands of the multiplication, and of those in front of it. */
const candidates = (uses: Uses, node: Node): Tensor[] =>
  node.inputs.flatMap((input) => {
    const producer = uses.producer(input);
    return [input, ...(producer?.op === "mul" ? producer.inputs : [])].filter((t) => t !== null && !t.data);
  }) as Tensor[];

/**
 * x · ½ · (1 + erf(x/√2)) and its approximation by tanh, written out in any order, become one gelu. Results differ by
 * the rounding of the steps between.
 */
export function fuseGelu(graph: Graph): boolean {
  let changed = false;
  const uses = usesOf(graph);
  for (const [i, node] of graph.nodes.entries()) {
    if (node.op !== "mul" || !isUnbounded(node.attributes.activation)) continue;
    const [y] = node.outputs;
    for (const x of candidates(uses, node)) {
      const found = isFloat(x, y) && sameShape(x.shape, y.shape) ? matchOf(uses, node, x) : undefined;
      if (!found) continue;
      graph.nodes[i] = makeNode("unary", node.name, [x], y, { kind: "gelu", ...found });
      changed = true;
      break;
    }
  }
  return changed;
}
