import { noActivation, type RecurrentCell, type Tensor } from "../../../graph/graph.ts";
import {
  type Constant,
  floatConstant,
  isConstant,
  isFloatConstant,
  permuteConstant,
} from "../../../graph/passes/constant.ts";
import { reshape, type Scope, transpose } from "../scope.ts";

/** What an ONNX recurrent operator is called by, and how it becomes a cell of the graph. */
interface Kind {
  /** The graph's gates, as ONNX numbers them. */
  gates: number[];
  activations: string[];
  cell(scope: Scope): RecurrentCell;
}

const kinds: Record<string, Kind> = {
  LSTM: { gates: [0, 2, 3, 1], activations: ["Sigmoid", "Tanh", "Tanh"], cell: () => "lstm" },
  GRU: {
    gates: [0, 1, 2],
    activations: ["Sigmoid", "Tanh"],
    cell: (scope) => (scope.intAttribute("linear_before_reset", 0) === 0 ? "gru" : "gruResetAfter"),
  },
  RNN: { gates: [0], activations: ["Tanh"], cell: () => "rnn" },
};

interface Sizes {
  directions: number;
  steps: number;
  batch: number;
  input: number;
  hidden: number;
}

const inputs = { lengths: 4, h: 5, c: 6, peephole: 7 };

function refuseVariants(scope: Scope, { activations }: Kind, directions: number): void {
  const found = scope.attribute("activations")?.strings;
  if (found && found.length > 0) {
    const expected = Array.from({ length: directions }, () => activations).flat();
    const isDefault =
      found.length === expected.length &&
      found.every((name, i) => name.toLowerCase() === expected[i].toLowerCase());
    if (!isDefault) {
      throw scope.unsupported(
        `activations ${found.join(", ")}; only ${activations.join(", ")} are supported`,
      );
    }
  }
  if (scope.attribute("clip")) throw scope.unsupported("clip, which bounds the gates' inputs");
  if (scope.intAttribute("input_forget", 0) !== 0)
    throw scope.unsupported("input_forget, which couples two gates");
  if (scope.has(inputs.peephole)) {
    const { data } = scope.constant(inputs.peephole, "the peephole weights");
    if (data.some((v: number | bigint) => Number(v) !== 0))
      throw scope.unsupported("peephole weights other than 0");
  }
}

/** One number of steps for all sequences is what the operator does without the list. */
function checkLengths(scope: Scope, steps: number): void {
  const lengths = scope.optional(inputs.lengths);
  if (!lengths) return;
  if (
    !isConstant(lengths) ||
    Array.from(lengths.data as ArrayLike<number>, Number).some((n) => n !== steps)
  ) {
    throw scope.unsupported(`sequence_lens other than ${steps}, the length of all sequences`);
  }
}

function floatOf(
  scope: Scope,
  index: number,
  role: string,
  shape: number[],
): Constant & { data: Float32Array } {
  const constant = scope.constant(index, role);
  if (!isFloatConstant(constant)) throw scope.unsupported(`${role} of type ${constant.dtype}`);
  if (constant.shape.join() !== shape.join()) {
    throw scope.bad(`expected ${role} of shape [${shape.join(", ")}], found [${constant.shape.join(", ")}]`);
  }
  return constant;
}

/** Blocks of `size` values from `from` on, in the graph's order of gates. */
function gatesOf(data: Float32Array, from: number, size: number, gates: readonly number[]): Float32Array {
  const ordered = new Float32Array(gates.length * size);
  gates.forEach((gate, i) => {
    ordered.set(data.subarray(from + gate * size, from + (gate + 1) * size), i * size);
  });
  return ordered;
}

interface Weights {
  weights: Tensor;
  recurrent: Tensor;
  bias: Tensor | null;
  candidateBias: Tensor | null;
}

function weightsOf(scope: Scope, kind: Kind, cell: RecurrentCell, sizes: Sizes, direction: number): Weights {
  const { directions, input, hidden } = sizes;
  const { gates } = kind;
  const rows = gates.length * hidden;
  const matrix = (index: number, role: string, k: number) => {
    const { data } = floatOf(scope, index, role, [directions, rows, k]);
    const ordered = gatesOf(data, direction * rows * k, hidden * k, gates);
    return floatConstant(scope.nameFor(role), [rows, k], ordered);
  };
  const made = { weights: matrix(1, "W", input), recurrent: matrix(2, "R", hidden) };
  if (!scope.has(3)) return { ...made, bias: null, candidateBias: null };
  const { data } = floatOf(scope, 3, "B", [directions, 2 * rows]);
  const [fromInput, fromState] = [0, 1].map((part) =>
    gatesOf(data, (2 * direction + part) * rows, hidden, gates),
  );
  const isSplit = cell === "gruResetAfter";
  const sum = fromInput.map((v, i) => (isSplit && i >= 2 * hidden ? v : v + fromState[i]));
  return {
    ...made,
    bias: floatConstant(scope.nameFor("bias"), [rows], sum),
    candidateBias: isSplit
      ? floatConstant(scope.nameFor("candidateBias"), [hidden], fromState.slice(2 * hidden))
      : null,
  };
}

/** What one direction begins with: [batch, hidden]. */
function beginOf(
  scope: Scope,
  index: number,
  sizes: Sizes,
  isBatchFirst: boolean,
  direction: number,
): Tensor {
  const { directions, batch, hidden } = sizes;
  const shape = [batch, hidden];
  const given = scope.optional(index);
  if (!given) return floatConstant(scope.nameFor("zeros"), shape, new Float32Array(batch * hidden));
  const expected = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  if (given.dtype !== "float32" || given.shape.join() !== expected.join()) {
    throw scope.bad(
      `expected "${given.name}" to be float32 [${expected.join(", ")}], found ${given.dtype} [${given.shape.join(", ")}]`,
    );
  }
  const moved = isBatchFirst ? swap(scope, given, [1, 0, 2]) : given;
  const at = direction * batch * hidden;
  if (isFloatConstant(moved)) {
    return floatConstant(scope.nameFor("begin"), shape, moved.data.slice(at, at + batch * hidden));
  }
  if (directions === 1) return reshape(scope, moved, shape);
  const attributes = { begin: [direction, 0, 0], stride: [1, 1, 1] };
  return reshape(scope, scope.emit("slice", [moved], attributes, [1, batch, hidden], moved), shape);
}

/** A transpose, of a constant at once. */
const swap = (scope: Scope, x: Tensor, perm: number[]): Tensor =>
  isConstant(x) ? permuteConstant(x, perm) : transpose(scope, x, perm);

const joined = (scope: Scope, parts: Tensor[], axis: number): Tensor => {
  if (parts.length === 1) return parts[0];
  const shape = parts[0].shape.map((d, i) => (i === axis ? d * parts.length : d));
  return scope.emit("concat", parts, { axis, activation: noActivation }, shape);
};

function directionsOf(scope: Scope): { isReverse: boolean[] } {
  const direction = scope.stringAttribute("direction", "forward");
  if (direction === "forward") return { isReverse: [false] };
  if (direction === "reverse") return { isReverse: [true] };
  if (direction === "bidirectional") return { isReverse: [false, true] };
  throw scope.bad(`expected direction forward, reverse or bidirectional, found "${direction}"`);
}

/** Y, Y_h and, of an LSTM, Y_c: one node a direction, joined. */
function convert(scope: Scope): Tensor[] {
  const kind = kinds[scope.node.opType];
  const { isReverse } = directionsOf(scope);
  const directions = isReverse.length;
  refuseVariants(scope, kind, directions);
  const isBatchFirst = scope.intAttribute("layout", 0) !== 0;
  const given = scope.float(0);
  if (given.shape.length !== 3)
    throw scope.bad(`expected X of 3 dimensions, found [${given.shape.join(", ")}]`);
  const x = isBatchFirst ? swap(scope, given, [1, 0, 2]) : given;
  const [steps, batch, input] = x.shape;
  const hidden = scope.intAttribute("hidden_size", scope.input(2).shape[2]);
  const sizes: Sizes = { directions, steps, batch, input, hidden };
  checkLengths(scope, steps);
  const cell = kind.cell(scope);
  const results = isReverse.map((reverse, direction) => {
    const { weights, recurrent, bias, candidateBias } = weightsOf(scope, kind, cell, sizes, direction);
    const begin = (index: number) => beginOf(scope, index, sizes, isBatchFirst, direction);
    const begins = [begin(inputs.h), ...(cell === "lstm" ? [begin(inputs.c)] : [])];
    return scope.emitSeveral(
      "recurrent",
      [x, weights, recurrent, bias, candidateBias, ...begins],
      { cell, reverse, cellClip: Infinity },
      [{ shape: [steps, batch, hidden] }, ...begins.map(({ shape }) => ({ shape }))],
    );
  });
  return results[0].map((_, i) => {
    const parts = results.map((outputs) => outputs[i]);
    if (i === 0) {
      const y = joined(
        scope,
        parts.map((part) => reshape(scope, part, [steps, 1, batch, hidden])),
        1,
      );
      return isBatchFirst ? transpose(scope, y, [2, 0, 1, 3]) : y;
    }
    const end = joined(
      scope,
      parts.map((part) => reshape(scope, part, [1, batch, hidden])),
      0,
    );
    return isBatchFirst ? transpose(scope, end, [1, 0, 2]) : end;
  });
}

export const recurrent: Record<string, (scope: Scope) => Tensor[]> = {
  GRU: convert,
  LSTM: convert,
  RNN: convert,
};
