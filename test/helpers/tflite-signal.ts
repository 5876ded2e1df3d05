/** A small front end as TFLite Micro's chain of custom operators. */
import { buildTflite, type OperatorSpec, type SubgraphSpec, type TensorSpec } from "./tflite-builder.ts";

/** A FlexBuffers map of whole numbers, all of 32 bits. */
export function flexMap(values: Record<string, number>): Uint8Array {
  const keys = Object.keys(values).sort();
  const texts = keys.map((key) => Buffer.from(`${key}\0`));
  const end = texts.reduce((sum, { length }) => sum + length, 0);
  const [keysAt, valuesAt] = [end + 4, end + 4 + 4 * keys.length + 12];
  const bytes = new Uint8Array(valuesAt + 5 * keys.length + 3);
  const view = new DataView(bytes.buffer);
  let at = 0;
  view.setUint32(end, keys.length, true);
  for (const [i, text] of texts.entries()) {
    bytes.set(text, at);
    view.setUint32(keysAt + 4 * i, keysAt + 4 * i - at, true);
    view.setInt32(valuesAt + 4 * i, values[keys[i]!]!, true);
    bytes[valuesAt + 4 * keys.length + i] = (1 << 2) | 2;
    at += text.length;
  }
  for (const [i, word] of [valuesAt - 12 - keysAt, 4, keys.length].entries())
    view.setUint32(valuesAt - 12 + 4 * i, word, true);
  bytes.set([5 * keys.length, (9 << 2) | 2, 1], valuesAt + 5 * keys.length);
  return bytes;
}

export const signalWindow = Int16Array.of(0, 1000, 3000, 4096, 4096, 3000, 1000, 0);
export const signalGain = Int16Array.from({ length: 125 }, (_, i) => 8000 - 40 * i);

/** 8 samples → 2 features. The first rises over bin 1 and falls over 2 and 3, where the second rises; that falls over 4. */
export function signalSpec(): SubgraphSpec {
  const constants: Record<string, Int16Array> = {
    window: signalWindow,
    falling: Int16Array.of(0, 3072, 1024, 2048),
    rising: Int16Array.of(4096, 1024, 3072, 0),
    starts: Int16Array.of(1, 2, 4),
    places: Int16Array.of(0, 1, 3),
    widths: Int16Array.of(1, 2, 1),
    gain: signalGain,
  };
  const tensors: TensorSpec[] = [
    { name: "x", type: "int16", shape: [1, 8] },
    ...Object.entries(constants).map(
      ([name, data]): TensorSpec => ({ name, type: "int16", shape: [data.length], data }),
    ),
    ...["windowed", "scaled"].map((name): TensorSpec => ({ name, type: "int16", shape: [8] })),
    { name: "shift", type: "int32", shape: [1] },
    { name: "bins", type: "int16", shape: [10] },
    { name: "energy", type: "uint32", shape: [5] },
    ...["sums", "roots", "signal", "noise", "gained"].map(
      (name): TensorSpec => ({ name, type: "uint32", shape: [2] }),
    ),
    { name: "y", type: "int16", shape: [2] },
  ];
  const signal = (
    name: string,
    inputs: string[],
    outputs: string[],
    customOptions: Record<string, number> = {},
  ): OperatorSpec => ({
    op: { custom: `Signal${name}` },
    inputs,
    outputs,
    customOptions: flexMap(customOptions),
  });
  const operators = [
    signal("Window", ["x", "window"], ["windowed"], { shift: 12 }),
    signal("FftAutoScale", ["windowed"], ["scaled", "shift"]),
    signal("Rfft", ["scaled"], ["bins"], { fft_length: 8 }),
    signal("Energy", ["bins"], ["energy"], { start_index: 1, end_index: 5 }),
    signal("FilterBank", ["energy", "falling", "rising", "starts", "places", "widths"], ["sums"], {
      num_channels: 2,
    }),
    signal("FilterBankSquareRoot", ["sums", "shift"], ["roots"]),
    signal("FilterBankSpectralSubtraction", ["roots"], ["signal", "noise"], {
      ...{ smoothing: 400, one_minus_smoothing: 15984, alternate_smoothing: 980 },
      ...{ alternate_one_minus_smoothing: 15404, min_signal_remaining: 819, smoothing_bits: 10 },
      ...{ spectral_subtraction_bits: 14, clamping: 0 },
    }),
    signal("PCAN", ["signal", "noise", "gain"], ["gained"], { snr_shift: 6 }),
    signal("FilterBankLog", ["gained"], ["y"], { output_scale: 1600, input_correction_bits: 3 }),
  ];
  return { tensors, operators, inputs: ["x"], outputs: ["y"] };
}

export const signalFile = (): Uint8Array => buildTflite(signalSpec());
