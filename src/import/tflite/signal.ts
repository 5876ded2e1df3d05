/**
 * TFLite Micro's audio front end: a chain of custom operators from int16 samples to the logarithms of a filter bank.
 * The chain becomes one operator. Custom operators outside of such a chain stay as they are, and are refused.
 */

import { elementCount, type MicroFeatures, type Tensor } from "../../graph/graph.ts";
import { badFile, quote, unsupported } from "./errors.ts";
import { readFlexMap } from "./flex.ts";
import type { OperatorRecord, Subgraph } from "./model.ts";
import { emit, input, type Operator, output, refused, show, wrong } from "./operator.ts";
import { tensorAt } from "./tensors.ts";

/** What the operator is called that stands for a chain. */
export const signalFeatures = "SIGNAL_FEATURES";

/** The chain from its end to its beginning; what may be left out, and what only moves or retypes the spectrum. */
const order: { name: string; optional?: boolean; repeats?: boolean }[] = [
  { name: "SignalFilterBankLog" },
  { name: "SignalPCAN", optional: true },
  { name: "SignalFilterBankSpectralSubtraction", optional: true },
  { name: "SignalFilterBankSquareRoot" },
  { name: "SignalFilterBank" },
  { name: "CAST", optional: true, repeats: true },
  { name: "CONCATENATION", optional: true },
  { name: "STRIDED_SLICE", optional: true },
  { name: "CAST", optional: true, repeats: true },
  { name: "SignalEnergy" },
  { name: "SignalRfft" },
  { name: "SignalFftAutoScale" },
  { name: "RESHAPE", optional: true },
  { name: "SignalWindow" },
];

/** The chains' operators as one each, in the place of their last. */
export function fuseSignals(subgraph: Subgraph): Subgraph {
  const { operators, outputs } = subgraph;
  const links = linksOf(operators);
  const given = new Set(outputs);
  const taken = new Set<OperatorRecord>();
  const fused = new Map<OperatorRecord, OperatorRecord>();
  for (const last of operators.filter(({ name, isCustom }) => isCustom && name === order[0].name)) {
    const parts = chainTo(last, links);
    if (!parts) continue;
    const inside = new Set(parts);
    const isSeen = (index: number): boolean =>
      given.has(index) || [...(links.readers.get(index) ?? [])].some((reader) => !inside.has(reader));
    if (parts.slice(1).some((part) => part.outputs.some(isSeen))) continue;
    const samples = parts.at(-1)!.inputs.slice(0, 1);
    fused.set(last, { ...last, name: signalFeatures, isCustom: false, inputs: samples, parts });
    for (const part of parts) taken.add(part);
  }
  if (fused.size === 0) return subgraph;
  return {
    ...subgraph,
    operators: operators.flatMap((record) => fused.get(record) ?? (taken.has(record) ? [] : [record])),
  };
}

interface Links {
  producers: Map<number, OperatorRecord>;
  readers: Map<number, Set<OperatorRecord>>;
}

function linksOf(operators: readonly OperatorRecord[]): Links {
  const links: Links = { producers: new Map(), readers: new Map() };
  for (const record of operators) {
    for (const index of record.outputs) links.producers.set(index, record);
    for (const index of record.inputs) {
      const readers = links.readers.get(index);
      if (readers) readers.add(record);
      else links.readers.set(index, new Set([record]));
    }
  }
  return links;
}

/**
 * The operators of the chain that ends with `last`. What one hands on only the next may read: so no file leads round in
 * circles, and no operator is looked at for two chains.
 */
function chainTo(last: OperatorRecord, { producers, readers }: Links): OperatorRecord[] | undefined {
  const parts: OperatorRecord[] = [];
  let next: OperatorRecord | undefined = last;
  for (const { name, optional, repeats } of order) {
    let isFound = false;
    while (next?.name === name && (repeats || !isFound)) {
      isFound = true;
      parts.push(next);
      // A concatenation puts zeros around the spectrum.
      const from: number | undefined = next.inputs.find((index) => producers.has(index));
      next = from !== undefined && readers.get(from)!.size === 1 ? producers.get(from) : undefined;
    }
    if (!isFound && !optional) return undefined;
  }
  return parts;
}

const partOf = ({ record }: Operator, name: string): OperatorRecord | undefined =>
  record.parts!.find((part) => part.name === name);

function requiredPart(operator: Operator, name: string): OperatorRecord {
  const part = partOf(operator, name);
  if (!part) throw wrong(operator, `has no ${name}`);
  return part;
}

/** The options of a part, by name. */
function numbersOf(part: OperatorRecord): (key: string) => number {
  const options = readFlexMap(part.customOptions, part.name);
  return (key) => {
    const value = options.get(key);
    if (value === undefined || !Number.isInteger(value))
      throw badFile(`${part.name}: its options have no whole number ${quote(key)}`);
    return value;
  };
}

/** A constant operand of a part. */
function constant<T extends Int16Array | Int32Array>(
  operator: Operator,
  part: OperatorRecord,
  i: number,
  type: new (length: number) => T,
): T {
  const index = part.inputs[i] ?? -1;
  const data = index < 0 ? undefined : tensorAt(operator.tensors, index).data;
  if (data instanceof type) return data;
  const width = type === (Int16Array as unknown) ? "int16" : "int32";
  throw refused(operator, `operand ${i} of ${part.name} has to be a constant of ${width}`);
}

/** Which bins of the transform reach the filter bank; the rest of its input is 0. */
function keptBins(operator: Operator): { from: number; to: number } {
  const numbers = numbersOf(requiredPart(operator, "SignalEnergy"));
  let [from, to] = [numbers("start_index"), numbers("end_index")];
  let shift = 0;
  const slice = partOf(operator, "STRIDED_SLICE");
  if (slice) {
    const [[begin], [stride]] = [1, 3].map((i) => constant(operator, slice, i, Int32Array));
    const [length] = operator.tensors.records[slice.outputs[0]].shape;
    if (stride !== 1) throw refused(operator, `a slice of the spectrum with stride ${stride}`);
    from = Math.max(from, begin);
    to = Math.min(to, begin + length);
    shift -= begin;
  }
  const concat = partOf(operator, "CONCATENATION");
  for (const index of concat?.inputs ?? []) {
    const { bytes, shape } = operator.tensors.records[index];
    if (!bytes) break;
    shift += shape[0];
  }
  const isZero = (concat?.inputs ?? []).every(
    (i) => !operator.tensors.records[i].bytes?.some((byte) => byte !== 0),
  );
  if (shift !== 0 || !isZero)
    throw refused(operator, "a spectrum that is moved or padded with anything but zeros");
  return { from, to };
}

/** Each channel rises over one segment of bins and falls over the next. */
function bandsOf(operator: Operator, kept: { from: number; to: number }): MicroFeatures["bands"] {
  const part = requiredPart(operator, "SignalFilterBank");
  const channels = numbersOf(part)("num_channels");
  const [falling, rising, starts, places, widths] = [1, 2, 3, 4, 5].map((i) =>
    constant(operator, part, i, Int16Array),
  );
  if (![starts, places, widths].every(({ length }) => length === channels + 1))
    throw wrong(operator, `expected ${channels + 1} segments of its ${channels} channels`);
  return Array.from({ length: channels }, (_, c) => {
    const weights = new Map<number, number>();
    for (const [segment, list] of [
      [c, rising],
      [c + 1, falling],
    ] as const) {
      for (let i = 0; i < widths[segment]; i++) {
        const bin = starts[segment] + i;
        const weight = list[places[segment] + i];
        if (weight === undefined) throw wrong(operator, `segment ${segment} lies outside of the weights`);
        if (weight !== 0 && bin >= kept.from && bin < kept.to)
          weights.set(bin, (weights.get(bin) ?? 0) + weight);
      }
    }
    const bins = [...weights.keys()];
    const first = bins.length === 0 ? 0 : Math.min(...bins);
    const count = bins.length === 0 ? 0 : Math.max(...bins) - first + 1;
    return { first, weights: Int16Array.from({ length: count }, (_, i) => weights.get(first + i) ?? 0) };
  });
}

function noiseOf(part: OperatorRecord): NonNullable<MicroFeatures["noise"]> {
  const numbers = numbersOf(part);
  if (numbers("clamping") !== 0)
    throw unsupported(
      `${part.name}: clamping the estimate of the noise; only models without it can be imported`,
    );
  return {
    even: [numbers("smoothing"), numbers("one_minus_smoothing")],
    odd: [numbers("alternate_smoothing"), numbers("alternate_one_minus_smoothing")],
    leastSignal: numbers("min_signal_remaining"),
    bits: numbers("spectral_subtraction_bits"),
    smoothingBits: numbers("smoothing_bits"),
  };
}

export function convertSignalFeatures(operator: Operator): void {
  const { tensors, variables } = operator;
  const [x, y] = [input(operator, 0), output(operator)];
  const transform = requiredPart(operator, "SignalRfft");
  const window = requiredPart(operator, "SignalWindow");
  const logs = requiredPart(operator, "SignalFilterBankLog");
  const gain = partOf(operator, "SignalPCAN");
  const noise = partOf(operator, "SignalFilterBankSpectralSubtraction");
  const coefficients = constant(operator, window, 1, Int16Array);
  const samples = x.shape.at(-1)!;
  if (
    x.dtype !== "int16" ||
    x.shape.some((d, i) => d !== 1 && i < x.shape.length - 1) ||
    coefficients.length !== samples
  )
    throw refused(
      operator,
      `expected one frame of int16 samples, as long as the window of ${coefficients.length}`,
    );
  if (gain && !noise) throw refused(operator, "SignalPCAN without an estimate of the noise");
  const bands = bandsOf(operator, keptBins(operator));
  if (elementCount(y.shape) !== bands.length)
    throw wrong(operator, `output ${show(y)}: expected ${bands.length} features, one per channel`);
  const shape = [bands.length];
  const value: Tensor = { name: tensors.uniqueName(`${y.name}/noise`), dtype: "int32", shape };
  const next: Tensor = { ...value, name: tensors.uniqueName(`${value.name}/next`) };
  const wide: Tensor = { name: tensors.uniqueName(`${y.name}/int32`), dtype: "int32", shape: y.shape };
  const logOptions = numbersOf(logs);
  variables.own.push({ name: value.name, value, next });
  emit(
    operator,
    "microFeatures",
    [x, value],
    {
      hop: samples,
      size: numbersOf(transform)("fft_length"),
      window: coefficients,
      windowShift: numbersOf(window)("shift"),
      bands,
      ...(noise && { noise: noiseOf(noise) }),
      ...(gain && {
        gain: { table: constant(operator, gain, 2, Int16Array), shift: numbersOf(gain)("snr_shift") },
      }),
      log: { scale: logOptions("output_scale"), correctionBits: logOptions("input_correction_bits") },
    },
    [wide, next],
  );
  emit(operator, "cast", [wide], {}, y);
}
