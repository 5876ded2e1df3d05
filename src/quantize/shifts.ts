import type { Graph, TensorData } from "../graph/graph.ts";
import { fromReal } from "../samples/convert.ts";
import { type Proportion, proportion, topOne } from "./accuracy.ts";
import type { Progress, Samples } from "./calibrate.ts";
import type { MakeExecutor } from "./executor.ts";
import { fidelityMeter, realValues } from "./fidelity.ts";
import { uniform } from "./random.ts";

/** What float and quantized make of inputs that are not like the calibration samples. */
export interface ShiftReport {
  /** "noise 20 dB", "gain −6 dB". */
  shift: string;
  samples: number;
  /** Of the first float output, in dB; null where every value is exact. */
  sqnr: number | null;
  /** For graphs whose first output is one vector of scores. */
  agreement?: Proportion;
  accuracy?: { float: Proportion; quantized: Proportion };
}

type Change = (values: Float32Array, random: () => number) => Float32Array;

/** Noise of a normal distribution, as many dB below the sample's own power. */
const noise =
  (decibels: number): Change =>
  (values, random) => {
    const power = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    const amplitude = Math.sqrt(power) * 10 ** (-decibels / 20);
    return values.map((value) => {
      // The sum of twelve uniform numbers has variance 1.
      let sum = -6;
      for (let i = 0; i < 12; i++) sum += random();
      return value + amplitude * sum;
    });
  };

const gain =
  (decibels: number): Change =>
  (values) =>
    values.map((value) => value * 10 ** (decibels / 20));

const shifts: readonly (readonly [string, Change])[] = [
  ["none", (values) => values],
  ["noise 30 dB below", noise(30)],
  ["noise 20 dB below", noise(20)],
  ["noise 10 dB below", noise(10)],
  ["gain −12 dB", gain(-12)],
  ["gain −6 dB", gain(-6)],
  ["gain +6 dB", gain(6)],
  ["gain +12 dB", gain(12)],
];

/** Samples that each shift is measured on at most, spread evenly where their number is known. */
const sampleLimit = 200;

/**
 * Runs both graphs on shifted float inputs; the first entry is unshifted, for comparison. Empty where the graph has no
 * float inputs or no float output. The same samples give the same result.
 */
export function measureShifts(
  float: Graph,
  quantized: Graph,
  samples: Samples,
  makeExecutor: MakeExecutor,
  onProgress?: Progress,
): ShiftReport[] {
  const output = float.outputs[0];
  if (output?.dtype !== "float32" || !float.inputs.some(({ dtype }) => dtype === "float32")) return [];
  const counterpart = quantized.outputs[0];
  const isClassifier = output.shape.filter((d) => d !== 1).length === 1;
  const random = uniform(1);
  const tallies = shifts.map(([shift, change]) => ({
    shift,
    change,
    meter: fidelityMeter(counterpart),
    agreed: 0,
    labelled: 0,
    float: 0,
    quantized: 0,
  }));
  const stride = Math.max(1, Math.ceil((samples.length ?? 0) / sampleLimit));
  let seen = 0;
  let done = 0;
  const a = makeExecutor(float);
  const b = makeExecutor(quantized);
  try {
    for (const { inputs, label, name } of samples) {
      if (seen++ % stride !== 0) continue;
      if (done >= sampleLimit) break;
      for (const tally of tallies) {
        const changed = inputs.map(
          (data): TensorData => (data instanceof Float32Array ? tally.change(data, random) : data),
        );
        a.run(changed);
        b.run(
          quantized.inputs.map((input, i) =>
            changed[i] instanceof Float32Array ? fromReal(changed[i], input, name) : changed[i],
          ),
        );
        const expected = a.read(output) as Float32Array;
        const found = b.read(counterpart);
        tally.meter.add(expected, found);
        const [one, other] = [topOne(expected), topOne(realValues(counterpart, found))];
        if (one === other) tally.agreed++;
        if (label === undefined) continue;
        tally.labelled++;
        if (one === label) tally.float++;
        if (other === label) tally.quantized++;
      }
      done++;
      onProgress?.(done, samples.length === undefined ? undefined : Math.ceil(samples.length / stride));
    }
  } finally {
    a.dispose();
    b.dispose();
  }
  return tallies.map((tally) => ({
    shift: tally.shift,
    samples: done,
    sqnr: tally.meter.result().sqnr,
    ...(isClassifier && { agreement: proportion(tally.agreed, done) }),
    ...(isClassifier &&
      tally.labelled > 0 && {
        accuracy: {
          float: proportion(tally.float, tally.labelled),
          quantized: proportion(tally.quantized, tally.labelled),
        },
      }),
  }));
}
