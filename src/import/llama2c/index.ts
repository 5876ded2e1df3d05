/**
 * One token of a Llama-like model per inference: what the tokens before it left, keys and values of every layer,
 * stays in states, so that attention looks back without computing them again.
 */
import {
  type Attributes,
  type DType,
  type Graph,
  type Node,
  noActivation,
  type OperatorName,
  type State,
  type Tensor,
  type TensorData,
} from "../../graph/graph.ts";
import { makeNode } from "../../graph/passes/rewrite.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { type Checkpoint, type LayerWeights, readCheckpoint } from "./checkpoint.ts";

/** What the models were trained with; the file does not say. */
const epsilon = 1e-5;
const rotationBase = 10000;
/** Added to the score of a position that is still to come: its exponential is 0. */
const never = -1e9;

const plain = { activation: noActivation };

/** Appends nodes to a graph, each named after its result. */
interface Builder {
  nodes: Node[];
  constant(name: string, shape: number[], data: TensorData): Tensor;
  node<K extends OperatorName>(
    op: K,
    name: string,
    inputs: (Tensor | null)[],
    attributes: Attributes[K],
    shape: number[],
    dtype?: DType,
  ): Tensor;
}

function createBuilder(): Builder {
  const nodes: Node[] = [];
  return {
    nodes,
    constant: (name, shape, data) => ({
      name,
      dtype: data instanceof Int32Array ? "int32" : "float32",
      shape,
      data,
    }),
    node(op, name, inputs, attributes, shape, dtype = "float32") {
      const output: Tensor = { name, dtype, shape };
      nodes.push(makeNode(op, name, inputs, output, attributes));
      return output;
    },
  };
}

/** What every layer reads of the position. */
interface Position {
  /** Cosine and sine of the rotation of each pair of a head, [1, half]. */
  cosine: Tensor;
  sine: Tensor;
  /** [context]: 0 up to the position, `never` after it. */
  mask: Tensor;
  /** Where the new key and value go: head 0, the position, element 0. */
  starts: Tensor;
}

function readPosition(b: Builder, { dim, heads, context }: Checkpoint, position: Tensor): Position {
  const half = dim / heads / 2;
  const angles = Array.from({ length: context * half }, (_, i) => {
    const frequency = rotationBase ** ((-2 * (i % half)) / (2 * half));
    return Math.floor(i / half) * frequency;
  });
  const rowOf = (name: string, table: Float32Array, size: number): Tensor =>
    b.node(
      "gather",
      name,
      [b.constant(`${name}/table`, [context, size], table), position],
      { axis: 0, batchDims: 0, fromEnd: false },
      [1, size],
    );
  const index = Float32Array.from({ length: context }, (_, i) => i);
  const number = rowOf("position/number", index, 1);
  const ahead = b.node(
    "sub",
    "position/ahead",
    [b.constant("position/all", [1, context], index), number],
    plain,
    [1, context],
  );
  const isAhead = b.node("unary", "position/isAhead", [ahead], { kind: "clip", min: 0, max: 1 }, [
    1,
    context,
  ]);
  const weight = b.constant("position/never", [1], Float32Array.of(never));
  const zero = b.constant("zero", [1], Int32Array.of(0));
  return {
    cosine: rowOf("rotation/cosine", Float32Array.from(angles, Math.cos), half),
    sine: rowOf("rotation/sine", Float32Array.from(angles, Math.sin), half),
    mask: b.node("mul", "position/mask", [isAhead, weight], plain, [1, context]),
    starts: b.node(
      "concat",
      "position/starts",
      [zero, position, zero],
      { axis: 0, activation: noActivation },
      [3],
      "int32",
    ),
  };
}

/** x / √(mean(x²) + ε) · weight */
function rootMeanSquareNorm(b: Builder, name: string, x: Tensor, weight: Float32Array): Tensor {
  const [, dim] = x.shape;
  const squares = b.node("unary", `${name}/squares`, [x], { kind: "square" }, x.shape);
  const mean = b.node("mean", `${name}/mean`, [squares], { axes: [1], keepDims: true }, [1, 1]);
  const least = b.constant(`${name}/epsilon`, [1], Float32Array.of(epsilon));
  const sum = b.node("add", `${name}/sum`, [mean, least], plain, [1, 1]);
  const factor = b.node("unary", `${name}/factor`, [sum], { kind: "rsqrt" }, [1, 1]);
  const scaled = b.node("mul", `${name}/scaled`, [x, factor], plain, x.shape);
  return b.node("mul", name, [scaled, b.constant(`${name}/weight`, [dim], weight)], plain, x.shape);
}

function linear(b: Builder, name: string, x: Tensor, weight: Float32Array): Tensor {
  const [rows, k] = x.shape;
  const n = weight.length / k;
  const weights = b.constant(`${name}/weight`, [n, k], weight);
  return b.node("fullyConnected", name, [x, weights, null], plain, [rows, n]);
}

const reshape = (b: Builder, name: string, x: Tensor, shape: number[]): Tensor =>
  b.node("reshape", name, [x], {}, shape);

/**
 * Turns the pairs (2i, 2i + 1) of every head by the position's angles; [1, heads · size] → [heads, size]. The first
 * elements of all pairs come out before the second ones, in queries as in keys, so their products stay.
 */
function rotate(b: Builder, name: string, x: Tensor, heads: number, { cosine, sine }: Position): Tensor {
  const half = cosine.shape[1];
  const pairs = reshape(b, `${name}/pairs`, x, [heads, half, 2]);
  const part = (which: string, at: number): Tensor => {
    const slice = { begin: [0, 0, at], stride: [1, 1, 1] };
    const taken = b.node("slice", `${name}/${which}/taken`, [pairs], slice, [heads, half, 1]);
    return reshape(b, `${name}/${which}`, taken, [heads, half]);
  };
  const [first, second] = [part("first", 0), part("second", 1)];
  const product = (which: string, a: Tensor, factor: Tensor) =>
    b.node("mul", `${name}/${which}`, [a, factor], plain, [heads, half]);
  const left = b.node(
    "sub",
    `${name}/left`,
    [product("firstCosine", first, cosine), product("secondSine", second, sine)],
    plain,
    [heads, half],
  );
  const right = b.node(
    "add",
    `${name}/right`,
    [product("firstSine", first, sine), product("secondCosine", second, cosine)],
    plain,
    [heads, half],
  );
  return b.node("concat", name, [left, right], { axis: 1, activation: noActivation }, [heads, 2 * half]);
}

/** The states [kvHeads, context, size] with the new token's [kvHeads, size] at its position. */
function remember(
  b: Builder,
  states: State[],
  name: string,
  x: Tensor,
  model: Checkpoint,
  at: Position,
): Tensor {
  const { kvHeads, context, dim, heads } = model;
  const size = dim / heads;
  const value: Tensor = { name: `${name}/before`, dtype: "float32", shape: [kvHeads, context, size] };
  const update = reshape(b, `${name}/new`, x, [kvHeads, 1, size]);
  const next = b.node("dynamicUpdateSlice", name, [value, update, at.starts], {}, value.shape);
  states.push({ name, value, next });
  return next;
}

function attention(
  b: Builder,
  states: State[],
  name: string,
  x: Tensor,
  weights: LayerWeights,
  model: Checkpoint,
  at: Position,
): Tensor {
  const { dim, heads, kvHeads, context } = model;
  const size = dim / heads;
  const perKey = heads / kvHeads;
  const query = rotate(b, `${name}/rotatedQuery`, linear(b, `${name}/query`, x, weights.query), heads, at);
  const key = rotate(b, `${name}/rotatedKey`, linear(b, `${name}/key`, x, weights.key), kvHeads, at);
  const value = linear(b, `${name}/value`, x, weights.value);
  const keys = remember(b, states, `${name}/keys`, key, model, at);
  const values = remember(b, states, `${name}/values`, value, model, at);
  const scale = b.constant("attention/scale", [1], Float32Array.of(1 / Math.sqrt(size)));
  const scaled = b.node("mul", `${name}/scaledQuery`, [query, scale], plain, query.shape);
  const groups = reshape(b, `${name}/groups`, scaled, [kvHeads, perKey, size]);
  const shape = [kvHeads, perKey, context];
  const product = { transposeA: false, ...plain };
  const scores = b.node(
    "matmul",
    `${name}/scores`,
    [groups, keys, null],
    { ...product, transposeB: true },
    shape,
  );
  const masked = b.node("add", `${name}/maskedScores`, [scores, at.mask], plain, shape);
  const shares = b.node("softmax", `${name}/shares`, [masked], { beta: 1 }, shape);
  const mixed = b.node(
    "matmul",
    `${name}/mixed`,
    [shares, values, null],
    { ...product, transposeB: false },
    groups.shape,
  );
  return linear(b, `${name}/output`, reshape(b, `${name}/joined`, mixed, [1, dim]), weights.output);
}

/** down(silu(gate(x)) · up(x)) */
function feedForward(b: Builder, name: string, x: Tensor, weights: LayerWeights): Tensor {
  const gate = linear(b, `${name}/gate`, x, weights.gate);
  const open = b.node("unary", `${name}/open`, [gate], { kind: "silu" }, gate.shape);
  const up = linear(b, `${name}/up`, x, weights.up);
  const gated = b.node("mul", `${name}/gated`, [open, up], plain, up.shape);
  return linear(b, `${name}/down`, gated, weights.down);
}

/**
 * The graph of a llama2.c checkpoint: `token` int32 [1] and `position` int32 [1] give `logits` [1, vocabulary].
 * Tokens are given one by one, from position 0 on; the model remembers those before.
 *
 * @throws NibbleError "bad-file" where the bytes are no such checkpoint.
 */
export function importLlama2c(bytes: Uint8Array, { file }: { file: string }): Graph {
  const model = readCheckpoint(bytes);
  if (!model)
    throw new NibbleError(
      "bad-file",
      `${file}: expected a llama2.c checkpoint of float32 weights, found ${bytes.length} bytes that its header does ` +
        "not fit; export the model with version 0 of its exporter",
    );
  const { dim, vocabulary, weights } = model;
  const b = createBuilder();
  const states: State[] = [];
  const token: Tensor = { name: "token", dtype: "int32", shape: [1] };
  const position: Tensor = { name: "position", dtype: "int32", shape: [1] };
  const embedding = b.constant("embedding/table", [vocabulary, dim], weights.embedding);
  const at = readPosition(b, model, position);
  let x = b.node("gather", "embedding", [embedding, token], { axis: 0, batchDims: 0, fromEnd: false }, [
    1,
    dim,
  ]);
  for (const [i, layer] of weights.layers.entries()) {
    const name = `layer${i}`;
    const attended = attention(
      b,
      states,
      `${name}/attention`,
      rootMeanSquareNorm(b, `${name}/attentionNorm`, x, layer.attentionNorm),
      layer,
      model,
      at,
    );
    const middle = b.node("add", `${name}/attended`, [x, attended], plain, [1, dim]);
    const normed = rootMeanSquareNorm(b, `${name}/feedForwardNorm`, middle, layer.feedForwardNorm);
    const fed = feedForward(b, `${name}/feedForward`, normed, layer);
    x = b.node("add", name, [middle, fed], plain, [1, dim]);
  }
  const last = rootMeanSquareNorm(b, "norm", x, weights.finalNorm);
  const logits = linear(b, "logits", last, weights.classifier);
  return {
    name: file.replace(/^.*[\\/]/, "").replace(/\.[^.]*$/, ""),
    nodes: b.nodes,
    inputs: [token, position],
    outputs: [logits],
    states,
    rounding: "single",
  };
}
