import {
  GAIN_ENTRIES,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  MF_BANDS,
  MF_BANDS_COUNT,
  MF_CHANNELS,
  MF_CORRECTION_BITS,
  MF_GAIN,
  MF_LEAST_SIGNAL,
  MF_LOG,
  MF_LOG_SCALE,
  MF_NOISE_BITS,
  MF_SMOOTHING,
  MF_SMOOTHING_BITS,
  MF_SNR_SHIFT,
  MF_STAGES,
  MF_WINDOW_SHIFT,
  MICRO_CLAMPS,
  MICRO_FEATURES_RECORD_BYTES,
  MICRO_GAIN,
  MICRO_LOG,
  MICRO_NOISE,
  OP_MICRO_FEATURES,
  OP_SPECTRUM,
  SP_FRAMES,
  SP_HOP,
  SP_KIND,
  SP_LENGTH,
  SP_SAMPLES,
  SP_SIZE,
  SP_TABLE,
  SP_WINDOW,
  SPECTRUM_COMPLEX,
  SPECTRUM_INVERSE,
  SPECTRUM_MAGNITUDE,
  SPECTRUM_POWER,
  SPECTRUM_RECORD_BYTES,
} from "../../../assembly/records.ts";
import { elementCount, type NodeOf, type SpectrumKind } from "../../graph/graph.ts";
import { cosines, fixedCosines, logTable } from "../../numerics/spectrum.ts";
import { constantData, inputOf, type Lowering, unsupported } from "../lowering.ts";
import { listFields, record } from "../record.ts";
import { copyWhole } from "./copy.ts";

const kinds: Record<SpectrumKind, number> = {
  complex: SPECTRUM_COMPLEX,
  power: SPECTRUM_POWER,
  magnitude: SPECTRUM_MAGNITUDE,
  inverse: SPECTRUM_INVERSE,
};

function checkSize(node: NodeOf<"spectrum" | "microFeatures">, length: number): void {
  const { size } = node.attributes;
  if (!(size >= 4 && size <= 65536) || !Number.isInteger(Math.log2(size)))
    throw unsupported(node.op, node.name, `transforms of ${size} points; powers of two from 4 to 65536 have a kernel`);
  if (length < 1 || length > size)
    throw unsupported(node.op, node.name, `a window of ${length} samples in a transform of ${size}`);
}

const words = (values: Float64Array): Uint32Array => new Uint32Array(values.buffer);

/** A frame and its bins in float64. */
const transformBytes = (size: number): number => 16 * size + 16;

export function lowerSpectrum(lowering: Lowering, node: NodeOf<"spectrum">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const { kind, size, hop } = node.attributes;
  const window = constantData(node.op, node.name, inputOf(node, 1), Float32Array);
  const isInverse = kind === "inverse";
  checkSize(node, window.length);
  if (y.dtype !== "float32" || (x.dtype !== "float32" && (isInverse || x.dtype !== "int16")))
    throw unsupported(node.op, node.name, `"${x.name}" is ${x.dtype}, "${y.name}" ${y.dtype}; there is float32, and int16 samples`);
  const perFrame = isInverse ? window.length : (size / 2 + 1) * (kind === "complex" ? 2 : 1);
  const samples = isInverse ? size + 2 : x.shape.at(-1)!;
  const rows = elementCount(x.shape) / samples;
  // Both are powers of two, so that window and scale are one factor without another rounding.
  const scale = isInverse ? 1 / size : x.dtype === "int16" ? 1 / 32768 : 1;
  const scratchBytes = transformBytes(size);
  lowering.emit({
    node: node.name,
    record: record(OP_SPECTRUM, SPECTRUM_RECORD_BYTES, [
      [SP_KIND, kinds[kind]],
      [SP_FRAMES, elementCount(y.shape) / perFrame / rows],
      [SP_HOP, hop],
      [SP_SAMPLES, samples],
      [SP_SIZE, size],
      [SP_WINDOW, lowering.weights.add(window.map((w) => w * scale))],
      [SP_LENGTH, window.length],
      [SP_TABLE, lowering.weights.add(words(cosines(size)))],
      [M_SCRATCH_BYTES, scratchBytes],
    ]),
    input: x,
    input2: null,
    output: y,
    scratchBytes,
    scratchField: M_SCRATCH,
  });
}

/** First bin, count and weights of every channel. */
function bandList(bands: readonly { first: number; weights: Int16Array }[]): Int16Array {
  return Int16Array.from(bands.flatMap(({ first, weights }) => [first, weights.length, ...weights]));
}

export function lowerMicroFeatures(lowering: Lowering, node: NodeOf<"microFeatures">): void {
  const [x, noise] = [inputOf(node), inputOf(node, 1)];
  const [y, estimate] = node.outputs;
  const { attributes } = node;
  const { window, bands, gain, log } = attributes;
  checkSize(node, window.length);
  if (gain && gain.table.length !== GAIN_ENTRIES)
    throw unsupported(node.op, node.name, `a gain table of ${gain.table.length} entries, expected ${GAIN_ENTRIES}`);
  const list = bandList(bands);
  const channels = bands.length;
  const { even, odd, leastSignal, bits, smoothingBits, clamps } = attributes.noise ?? {
    ...{ even: [0, 0], odd: [0, 0], leastSignal: 0, bits: 0, smoothingBits: 0, clamps: false },
  };
  const stages =
    (attributes.noise ? MICRO_NOISE : 0) |
    (clamps ? MICRO_CLAMPS : 0) |
    (gain ? MICRO_GAIN : 0) |
    (log ? MICRO_LOG : 0);
  copyWhole(lowering, node.name, noise, estimate);
  const scratchBytes = transformBytes(attributes.size);
  lowering.emit({
    node: node.name,
    record: record(OP_MICRO_FEATURES, MICRO_FEATURES_RECORD_BYTES, [
      [MF_WINDOW_SHIFT, attributes.windowShift],
      [SP_FRAMES, elementCount(y.shape) / channels],
      [SP_HOP, attributes.hop],
      [SP_SAMPLES, elementCount(x.shape)],
      [SP_SIZE, attributes.size],
      [SP_WINDOW, lowering.weights.add(window)],
      [SP_LENGTH, window.length],
      [SP_TABLE, lowering.weights.add(words(fixedCosines(attributes.size)))],
      [M_SCRATCH_BYTES, scratchBytes],
      [MF_CHANNELS, channels],
      [MF_BANDS, lowering.weights.add(list)],
      [MF_BANDS_COUNT, list.length],
      [MF_STAGES, stages],
      ...listFields(MF_SMOOTHING, [...even, ...odd]),
      [MF_LEAST_SIGNAL, leastSignal],
      [MF_NOISE_BITS, bits],
      [MF_SMOOTHING_BITS, smoothingBits],
      [MF_GAIN, lowering.weights.add(gain?.table ?? new Int16Array(GAIN_ENTRIES))],
      [MF_SNR_SHIFT, gain?.shift ?? 0],
      [MF_LOG, lowering.weights.add(logTable())],
      [MF_LOG_SCALE, log?.scale ?? 0],
      [MF_CORRECTION_BITS, log?.correctionBits ?? 0],
    ]),
    input: x,
    input2: null,
    variables: [estimate],
    output: y,
    scratchBytes,
    scratchField: M_SCRATCH,
  });
}
