import type { NodeOf, Tensor, TensorData } from "../../src/graph/graph.ts";
import { multiplyByFixedPoint } from "../../src/numerics/fixed.ts";
import { floatUnary } from "../../src/numerics/floatUnary.ts";
import {
  logistic16,
  logisticTable,
  lstmFactors,
  saturate16,
  scaled16,
  tanh16,
  tanhInput,
} from "../../src/numerics/lstm.ts";
import { clamp } from "../../src/numerics/rounding.ts";
import { type Operands, scalarQuantization } from "./tensor.ts";

const f = Math.fround;
const logistic = (x: number): number => floatUnary(x, { kind: "logistic" });
const tanh = (x: number): number => floatUnary(x, { kind: "tanh" });

type Recurrent = NodeOf<"recurrent">;
type Step = (row: number, h: number[], c: number[]) => void;

/** from + Σ a[i] · w[row, i], each product and each sum rounded. */
function sum(
  from: number,
  a: ArrayLike<number>,
  at: number,
  w: ArrayLike<number>,
  row: number,
  k: number,
): number {
  let acc = from;
  for (let i = 0; i < k; i++) acc = f(acc + f(a[at + i] * w[row * k + i]));
  return acc;
}

function floatStep({ attributes, inputs }: Recurrent, values: readonly (TensorData | null)[]): Step {
  const [x, w, r, bias, candidateBias] = values as Float32Array[];
  const k = inputs[1]!.shape[1];
  const hidden = inputs[2]!.shape[1];
  const { cell, cellClip } = attributes;
  /** What the input gives for column n. */
  const given = (row: number, n: number) => sum(bias?.[n] ?? 0, x, row * k, w, n, k);
  const both = (row: number, h: number[], n: number) => sum(given(row, n), h, 0, r, n, hidden);
  const each = (value: (j: number) => number): number[] => Array.from({ length: hidden }, (_, j) => value(j));
  const put = (to: number[], from: number[]) => to.splice(0, hidden, ...from);
  return (row, h, c) => {
    if (cell === "rnn") {
      put(
        h,
        each((j) => tanh(both(row, h, j))),
      );
      return;
    }
    if (cell === "lstm") {
      const [i, forget, g, o] = [0, 1, 2, 3].map((gate) => each((j) => both(row, h, gate * hidden + j)));
      put(
        c,
        each((j) => {
          const kept = f(logistic(forget[j]) * c[j]);
          return clamp(f(kept + f(logistic(i[j]) * tanh(g[j]))), -f(cellClip), f(cellClip));
        }),
      );
      put(
        h,
        each((j) => f(logistic(o[j]) * tanh(c[j]))),
      );
      return;
    }
    const z = each((j) => logistic(both(row, h, j)));
    const reset = each((j) => logistic(both(row, h, hidden + j)));
    const resetted = each((j) => f(reset[j] * h[j]));
    const candidate = each((j) => {
      const n = 2 * hidden + j;
      if (cell === "gru") return sum(given(row, n), resetted, 0, r, n, hidden);
      return f(given(row, n) + f(reset[j] * sum(candidateBias?.[j] ?? 0, h, 0, r, n, hidden)));
    });
    put(
      h,
      each((j) => f(f(f(1 - z[j]) * tanh(candidate[j])) + f(z[j] * h[j]))),
    );
  };
}

/** TFLite Micro's LSTM of int8 values and an int16 cell, by docs/numerics.md. */
function integerStep(
  { attributes, inputs, outputs }: Recurrent,
  values: readonly (TensorData | null)[],
): Step {
  const [x, w, r, bias] = values as [Int8Array, Int8Array, Int8Array, Int32Array | null];
  const k = inputs[1]!.shape[1];
  const hidden = inputs[2]!.shape[1];
  const [input, state, cell] = [inputs[0]!, outputs[1]!, outputs[2]!].map(scalarQuantization);
  const scales = ({ quantization }: Tensor) =>
    [0, 1, 2, 3].map((gate) => quantization!.scale[quantization!.scale.length === 1 ? 0 : gate * hidden]);
  const factors = lstmFactors({
    input: input.scale,
    hidden: state.scale,
    cell: cell.scale,
    weights: scales(inputs[1]!),
    recurrent: scales(inputs[2]!),
  });
  const table = logisticTable();
  const squash = tanhInput(Math.log2(cell.scale));
  const clip =
    attributes.cellClip === Infinity ? 32768 : Math.min(Math.trunc(attributes.cellClip / cell.scale), 32767);
  return (row, h, c) => {
    const gate = (which: number, j: number): number => {
      const n = which * hidden + j;
      let fromInput = bias?.[n] ?? 0;
      for (let i = 0; i < k; i++) fromInput += (x[row * k + i] - input.zeroPoint) * w[n * k + i];
      let fromState = 0;
      for (let i = 0; i < hidden; i++) fromState += (h[i] - state.zeroPoint) * r[n * hidden + i];
      return saturate16(
        scaled16(fromInput, factors.input[which]) + scaled16(fromState, factors.hidden[which]),
      );
    };
    const next = h.map((_, j) => {
      const kept = scaled16(logistic16(table, gate(1, j), 3, 0) * c[j], factors.forget);
      const added = scaled16(
        logistic16(table, gate(0, j), 3, 0) * tanh16(table, gate(2, j), 3, 0),
        factors.added,
      );
      c[j] = clamp(saturate16(kept + added), -clip, clip);
      const squashed = tanh16(table, c[j], squash.multiplier, squash.shift);
      const out = multiplyByFixedPoint(squashed * logistic16(table, gate(3, j), 3, 0), factors.output);
      return clamp(out + state.zeroPoint, -128, 127);
    });
    h.splice(0, hidden, ...next);
  };
}

/** Step by step, each batch on its own: y, h and, in an LSTM, c. */
export function recurrent(node: Recurrent, { values }: Operands): TensorData[] {
  const [steps, batch] = node.inputs[0]!.shape;
  const hidden = node.inputs[2]!.shape[1];
  const isFloat = node.outputs[0].dtype === "float32";
  const step = isFloat ? floatStep(node, values) : integerStep(node, values);
  const y = isFloat ? new Float32Array(steps * batch * hidden) : new Int8Array(steps * batch * hidden);
  const h = values[5]!.slice() as Float32Array;
  const c = (values[6]?.slice() ?? new Float32Array(h.length)) as Float32Array;
  for (let b = 0; b < batch; b++) {
    const here = [h, c].map((state) => Array.from(state.subarray(b * hidden, (b + 1) * hidden)));
    for (let s = 0; s < steps; s++) {
      const t = node.attributes.reverse ? steps - 1 - s : s;
      step(t * batch + b, here[0], here[1]);
      y.set(here[0], (t * batch + b) * hidden);
    }
    h.set(here[0], b * hidden);
    c.set(here[1], b * hidden);
  }
  return node.attributes.cell === "lstm" ? [y, h, c] : [y, h];
}
