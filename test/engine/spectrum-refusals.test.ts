/** What the verifier of spectra and of TFLite Micro's front end refuses. */

import { describe, expect, test } from "vitest";
import { OP_MICRO_FEATURES, OP_SPECTRUM } from "../../assembly/codes.ts";
import {
  HEADER_BYTES,
  NONE,
  O_INPUT,
  O_INPUT2,
  O_VARIABLE,
  S_KIND,
  S_OFFSET,
  SECTION_BYTES,
  SECTION_WEIGHTS,
} from "../../assembly/format.ts";
import {
  M_SCRATCH,
  M_SCRATCH_BYTES,
  MF_BANDS,
  MF_BANDS_COUNT,
  MF_CHANNELS,
  MF_GAIN,
  MF_LEAST_SIGNAL,
  MF_LOG,
  MF_SMOOTHING,
  MF_SNR_SCALE,
  SP_FRAMES,
  SP_HOP,
  SP_IS_POWER,
  SP_LENGTH,
  SP_SAMPLES,
  SP_SIZE,
  SP_TABLE,
  SP_WINDOW,
} from "../../assembly/records.ts";
import { decode } from "../../src/format/decode.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { loadModelSync, NibbleError } from "../../src/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { microGraph, spectrumGraph } from "../fuzz/audio-model.ts";
import { anatomyOf, repair } from "../fuzz/mutate.ts";
import { tiers } from "../helpers/tiers.ts";

type Change = (view: DataView, record: number, weights: number) => void;
const set =
  (field: number, value: number): Change =>
  (view, record) =>
    view.setUint32(record + field, value, true);
const setFloat =
  (field: number, value: number): Change =>
  (view, record) =>
    view.setFloat32(record + field, value, true);
/** The u16 at `index` of the list of bands. */
const setBand =
  (index: number, value: number): Change =>
  (view, record, weights) =>
    view.setUint16(weights + view.getUint32(record + MF_BANDS, true) + 2 * index, value, true);
const setCosine =
  (value: number): Change =>
  (view, record, weights) =>
    view.setFloat64(weights + view.getUint32(record + SP_TABLE, true) + 8, value, true);

/** Scratch in the place of input or output. */
function scratchOver(which: 0 | 1): Change {
  return (view, record) => {
    const { tensors, inputs, outputs } = decode(new Uint8Array(view.buffer));
    const { offset } = tensors[[inputs, outputs][which]![0]!]!;
    view.setUint32(record + M_SCRATCH, offset, true);
  };
}

const cases: [string, () => Graph, Change][] = [
  ["a size that is no power of two", spectrumGraph, set(SP_SIZE, 24)],
  ["a size of two", spectrumGraph, set(SP_SIZE, 2)],
  ["a size without limit", spectrumGraph, set(SP_SIZE, 0x80000000)],
  ["another size than the output has", spectrumGraph, set(SP_SIZE, 64)],
  ["a window longer than the transform", spectrumGraph, set(SP_LENGTH, 33)],
  ["a window outside the weights", spectrumGraph, set(SP_WINDOW, 1 << 20)],
  ["a table outside the weights", spectrumGraph, set(SP_TABLE, 1 << 20)],
  ["a table at an odd place", spectrumGraph, set(SP_TABLE, 4)],
  ["frames behind the samples", spectrumGraph, set(SP_HOP, 13)],
  ["hops that wrap", spectrumGraph, set(SP_HOP, 0xffffffff)],
  ["more frames than the output has", spectrumGraph, set(SP_FRAMES, 4)],
  ["no frames", spectrumGraph, set(SP_FRAMES, 0)],
  ["rows that do not divide the input", spectrumGraph, set(SP_SAMPLES, 47)],
  ["rows of nothing", spectrumGraph, set(SP_SAMPLES, 0)],
  ["pairs where there is room for one number", spectrumGraph, set(SP_IS_POWER, 0)],
  ["too little scratch", spectrumGraph, set(M_SCRATCH_BYTES, 16 * 32)],
  ["scratch outside the arena", spectrumGraph, set(M_SCRATCH, 1 << 20)],
  ["scratch over the input", spectrumGraph, scratchOver(0)],
  ["scratch over the output", spectrumGraph, scratchOver(1)],
  ["no input", spectrumGraph, set(O_INPUT, NONE)],
  ["a second input", spectrumGraph, set(O_INPUT2, 0)],
  ["a variable of a spectrum", spectrumGraph, set(O_VARIABLE, 0)],
  ["the record of another operator", spectrumGraph, set(0, OP_MICRO_FEATURES)],
  ["no variable", microGraph, set(O_VARIABLE, NONE)],
  ["the record of another operator, too long", microGraph, set(0, OP_SPECTRUM)],
  ["other channels than there are", microGraph, set(MF_CHANNELS, 5)],
  ["a list of bands that ends early", microGraph, set(MF_BANDS_COUNT, 7)],
  ["a list of bands outside the weights", microGraph, set(MF_BANDS, 1 << 20)],
  ["a band behind the spectrum", microGraph, setBand(0, 33)],
  ["a band of more than the list", microGraph, setBand(1, 32)],
  ["a gain table outside the weights", microGraph, set(MF_GAIN, 1 << 20)],
  ["a log table outside the weights", microGraph, set(MF_LOG, 1 << 20)],
  ["shares above 1", microGraph, setFloat(MF_SMOOTHING, 0.9)],
  ["a negative share", microGraph, setFloat(MF_LEAST_SIGNAL, -0.1)],
  ["a share that is no number", microGraph, setFloat(MF_SMOOTHING + 4, Number.NaN)],
  ["a scale above 1", microGraph, setFloat(MF_SNR_SCALE, 2)],
  ["a cosine above 1", microGraph, setCosine(32768)],
  ["a cosine that is no number", microGraph, setCosine(Number.NaN)],
];

describe.each(tiers)("tier %s refuses", (tier) => {
  test.each(cases)("%s", (_, make, change) => {
    const { bytes } = pack(make());
    expect(() => loadModelSync(bytes.slice(), { tier })).not.toThrow();
    const view = new DataView(bytes.buffer);
    let at = HEADER_BYTES;
    while (view.getUint32(at + S_KIND, true) !== SECTION_WEIGHTS && at < HEADER_BYTES + 9 * SECTION_BYTES)
      at += SECTION_BYTES;
    change(view, anatomyOf(bytes).operators[0]!.from, view.getUint32(at + S_OFFSET, true));
    let found: unknown;
    try {
      loadModelSync(repair(bytes), { tier, name: "damaged.nbl" });
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(NibbleError);
    expect(found).toMatchObject({ code: "bad-file", message: expect.stringMatching(/operator 0/) });
  });
});
