import { OP_MICRO_FEATURES, OP_SPECTRUM } from "../../../assembly/codes.ts";
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
  MF_SMOOTHING,
  MF_SMOOTHING_BITS,
  MF_SNR_SCALE,
  MICRO_FEATURES_RECORD_BYTES,
  SP_FRAMES,
  SP_HOP,
  SP_IS_POWER,
  SP_LENGTH,
  SP_SAMPLES,
  SP_SIZE,
  SP_TABLE,
  SP_WINDOW,
  SPECTRUM_RECORD_BYTES,
} from "../../../assembly/records.ts";
import { elementCount, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { cosines, fixedCosines, hasTransform, logTable } from "../../numerics/spectrum.ts";
import { constantData, inputOf, type Lowering, unsupported } from "../lowering.ts";
import { type Fields, listFields, record } from "../record.ts";
import { copyWhole } from "./copy.ts";

function checkSize(node: NodeOf<"spectrum"> | NodeOf<"microFeatures">, length: number): void {
  const { size } = node.attributes;
  if (!hasTransform(size))
    throw unsupported(
      node.op,
      node.name,
      `transforms of ${size} points; powers of two from 4 to 65536 have a kernel`,
    );
  if (length < 1 || length > size)
    throw unsupported(node.op, node.name, `a window of ${length} samples in a transform of ${size}`);
}

const words = (values: Float64Array): Uint32Array => new Uint32Array(values.buffer);

/** A frame and its bins in float64. */
const transformBytes = (size: number): number => 16 * size + 16;

/** The fields that both operators have; `factor`, a power of two, becomes part of the window without another rounding. */
function frameFields(
  lowering: Lowering,
  node: NodeOf<"spectrum"> | NodeOf<"microFeatures">,
  {
    window,
    factor,
    table,
    frames,
  }: { window: ArrayLike<number>; factor: number; table: Float64Array; frames: number },
): Fields {
  const { size, hop } = node.attributes;
  checkSize(node, window.length);
  return [
    [SP_FRAMES, frames],
    [SP_HOP, hop],
    [SP_SAMPLES, inputOf(node).shape.at(-1)!],
    [SP_SIZE, size],
    [SP_WINDOW, lowering.weights.add(Float32Array.from(window, (w) => w * factor))],
    [SP_LENGTH, window.length],
    [SP_TABLE, lowering.weights.add(words(table))],
    [M_SCRATCH_BYTES, transformBytes(size)],
  ];
}

const rowsOf = ({ shape }: Tensor): number => elementCount(shape.slice(0, -1));

export function lowerSpectrum(lowering: Lowering, node: NodeOf<"spectrum">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const { kind, size } = node.attributes;
  const window = constantData(node.op, node.name, inputOf(node, 1), Float32Array);
  if (y.dtype !== "float32" || (x.dtype !== "float32" && x.dtype !== "int16"))
    throw unsupported(
      node.op,
      node.name,
      `"${x.name}" is ${x.dtype}, "${y.name}" ${y.dtype}; samples are float32 or int16, bins float32`,
    );
  const isPower = kind === "power";
  const frames = elementCount(y.shape) / (isPower ? size / 2 + 1 : size + 2) / rowsOf(x);
  const factor = x.dtype === "int16" ? 1 / 32768 : 1;
  lowering.emit({
    node: node.name,
    record: record(OP_SPECTRUM, SPECTRUM_RECORD_BYTES, [
      [SP_IS_POWER, isPower ? 1 : 0],
      ...frameFields(lowering, node, { window, factor, table: cosines(size), frames }),
    ]),
    input: x,
    input2: null,
    output: y,
    scratchBytes: transformBytes(size),
    scratchField: M_SCRATCH,
  });
}

/** First bin, count and weights of every channel. */
function bandList(bands: readonly { first: number; weights: Int16Array }[]): Int16Array {
  return Int16Array.from(bands.flatMap(({ first, weights }) => [first, weights.length, ...weights]));
}

/** Without noise reduction nothing is known of it and a frame counts nothing. */
const noNoise = { even: [0, 0], odd: [0, 0], leastSignal: 0, bits: 0, smoothingBits: 0 };

export function lowerMicroFeatures(lowering: Lowering, node: NodeOf<"microFeatures">): void {
  const [x, noise] = [inputOf(node), inputOf(node, 1)];
  const [y, estimate] = node.outputs;
  const { size, window, windowShift, bands, gain, log } = node.attributes;
  if (x.dtype !== "int16")
    throw unsupported(node.op, node.name, `"${x.name}" is ${x.dtype}; samples are int16`);
  if (gain && gain.table.length !== GAIN_ENTRIES)
    throw unsupported(
      node.op,
      node.name,
      `a gain table of ${gain.table.length} entries, expected ${GAIN_ENTRIES}`,
    );
  const channels = bands.length;
  const { even, odd, leastSignal, bits, smoothingBits } = node.attributes.noise ?? noNoise;
  const ratioScale = gain ? 2 ** -gain.shift : 0;
  const shares = [...even, ...odd, leastSignal].map((share) => share / 2 ** bits);
  if (leastSignal / 2 ** bits + ratioScale > 1)
    throw unsupported(node.op, node.name, `a gain that is shifted by ${gain?.shift}`);
  if (
    [even, odd].some(([a, b]) => a + b > 2 ** bits) ||
    shares.some((v) => !(v >= 0 && v <= 1) || v !== Math.fround(v))
  )
    throw unsupported(node.op, node.name, `noise shares [${even}], [${odd}], ${leastSignal} of ${2 ** bits}`);
  if (bands.some(({ weights }) => weights.some((w) => w < 0)))
    throw unsupported(node.op, node.name, "a filter with negative weights");
  const list = bandList(bands);
  const frames = elementCount(y.shape) / channels / rowsOf(x);
  const table = fixedCosines(size);
  copyWhole(lowering, node.name, noise, estimate);
  lowering.emit({
    node: node.name,
    record: record(
      OP_MICRO_FEATURES,
      MICRO_FEATURES_RECORD_BYTES,
      [
        ...frameFields(lowering, node, { window, factor: 2 ** -windowShift, table, frames }),
        [MF_CHANNELS, channels],
        [MF_BANDS, lowering.weights.add(list)],
        [MF_BANDS_COUNT, list.length],
        [MF_SMOOTHING_BITS, smoothingBits],
        [MF_GAIN, lowering.weights.add(gain?.table ?? new Int16Array(GAIN_ENTRIES))],
        [MF_LOG, lowering.weights.add(logTable())],
        [MF_LOG_SCALE, log.scale],
        [MF_CORRECTION_BITS, log.correctionBits],
      ],
      [
        ...listFields(MF_SMOOTHING, shares.slice(0, 4)),
        [MF_LEAST_SIGNAL, shares[4]],
        [MF_SNR_SCALE, ratioScale],
      ],
    ),
    input: x,
    input2: null,
    variables: [estimate],
    output: y,
    scratchBytes: transformBytes(size),
    scratchField: M_SCRATCH,
  });
}
