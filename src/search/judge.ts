/** How good a packed model is beside the float graph. */

import { real as realValues } from "../eval/compare.ts";
import { type Proportion, proportion, topOne } from "../quantize/accuracy.ts";
import { decibels } from "../quantize/fidelity.ts";
import { createModel } from "../runtime/model.ts";
import { wasm } from "../wasm.ts";
import { runOn, type SearchGround } from "./ground.ts";

export interface Quality {
  samples: number;
  /** See `Measured`. */
  error: number;
  sqnr: number | null;
  points?: number;
  /** How often the model names the class that the float one names. */
  agreement?: Proportion;
  /** Of the samples with labels. */
  accuracy?: { float: Proportion; quantized: Proportion };
}

/** Added to every probability: int8 ones are multiples of 1/256, and 0 has no logarithm. */
const smoothing = 2 ** -10;

/** @param chosen which of the judged samples count; all by default */
export function judge(packed: Uint8Array, ground: SearchGround, chosen?: readonly number[]): Quality {
  const { graph, judged, outputs, kind, build } = ground;
  const model = createModel(wasm, packed, { name: graph.name });
  const compared = model.outputs.filter((_, i) => graph.outputs[i]!.dtype === "float32");
  const sums = compared.map(() => ({ signal: 0, noise: 0 }));
  const picked = chosen ?? judged.map((_, i) => i);
  let [divergence, agreed, labelled, rightFloat, right] = [0, 0, 0, 0, 0];
  for (const index of picked) {
    const sample = judged[index]!;
    const found = runOn(model, sample, build);
    const real = compared.map((info) => realValues(info, found[info.name] as ArrayLike<number>));
    for (const [k, values] of real.entries()) {
      const expected = outputs[index]![k]!;
      for (let i = 0; i < values.length; i++) {
        sums[k]!.signal += expected[i]! ** 2;
        sums[k]!.noise += (values[i]! - expected[i]!) ** 2;
      }
    }
    if (kind === "values") continue;
    const [expected, values] = [outputs[index]![0]!, real[0]!];
    divergence += divergenceOf(expected, values, kind === "probabilities");
    const [one, other] = [topOne(expected), topOne(values)];
    if (one === other) agreed++;
    if (sample.label === undefined) continue;
    labelled++;
    if (one === sample.label) rightFloat++;
    if (other === sample.label) right++;
  }
  model.dispose();
  const count = picked.length;
  const noise = sums.reduce((sum, { signal, noise }) => sum + noise / Math.max(signal, Number.MIN_VALUE), 0);
  const [first] = sums;
  const sqnr = first && first.noise !== 0 ? decibels(first.signal / first.noise) : null;
  if (kind === "values") return { samples: count, error: noise / sums.length, sqnr };
  const drop = labelled > 0 ? (rightFloat - right) / labelled : (count - agreed) / count;
  return {
    samples: count,
    error: divergence / count,
    sqnr,
    points: 100 * drop,
    agreement: proportion(agreed, count),
    ...(labelled > 0 && {
      accuracy: { float: proportion(rightFloat, labelled), quantized: proportion(right, labelled) },
    }),
  };
}

/** Kullback-Leibler divergence of the found scores from the expected ones, in nats. */
function divergenceOf(
  expected: ArrayLike<number>,
  found: ArrayLike<number>,
  areProbabilities: boolean,
): number {
  const [p, q] = [expected, found].map((scores) => distribution(scores, areProbabilities));
  let sum = 0;
  for (let i = 0; i < p!.length; i++) sum += p![i]! * Math.log(p![i]! / q![i]!);
  return Math.max(0, sum);
}

function distribution(scores: ArrayLike<number>, areProbabilities: boolean): Float64Array {
  let largest = -Infinity;
  for (let i = 0; i < scores.length; i++) largest = Math.max(largest, scores[i]!);
  const values = Float64Array.from(scores, (s) =>
    areProbabilities ? Math.max(0, s) : Math.exp(s - largest),
  );
  const total = values.reduce((a, b) => a + b, 0) || 1;
  const whole = 1 + smoothing * values.length;
  return values.map((value) => (value / total + smoothing) / whole);
}
