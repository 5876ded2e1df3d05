/** OP_MICRO_FEATURES: the audio front end of TFLite Micro in integers, frame after frame. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { DTYPE_INT16, DTYPE_INT32, NONE, O_BYTES, O_INPUT, O_INPUT2, O_INPUT3, O_VARIABLE, O_VARIABLE2 } from "../format";
import {
  GAIN_ENTRIES,
  LOG_ENTRIES,
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
  M_SCRATCH,
  SP_FRAMES,
  SP_HOP,
  SP_LENGTH,
  SP_SAMPLES,
  SP_SIZE,
  SP_TABLE,
  SP_WINDOW,
} from "../records";
import { checkWeights } from "../engine/check";
import { arena, bytesOf, dataOf, dtypeOf, inputOf, namedBy, outputOf, u32At, variableOf, weights } from "../engine/model";
import { fft, split } from "../kernels/signal/fft";
import { checkRecurrentScratch } from "./recurrent";
import { checkFrames, transformBytes } from "./spectrum";

/** So that no sum of weighted energies, of 31 bits each, leaves what float64 holds exactly. */
const MOST_WEIGHT: u32 = 1 << 21;

/** Every channel has its bins inside the spectrum and its weights, which are not negative, inside the list. */
function checkBands(record: usize): i32 {
  const count = u32At(record, MF_BANDS_COUNT);
  const check = checkWeights(u32At(record, MF_BANDS), <u64>count << 1);
  if (check) return check;
  const list = weights + u32At(record, MF_BANDS);
  const bins = (u32At(record, SP_SIZE) >> 1) + 1;
  let at: u32 = 0;
  for (let c: u32 = 0; c < u32At(record, MF_CHANNELS); c++) {
    if (count - at < 2) return CHECK_FIELD;
    const first: u32 = load<u16>(list + (at << 1));
    const width: u32 = load<u16>(list + (at << 1), 2);
    at += 2;
    if (first + width > bins || count - at < width) return CHECK_FIELD;
    let sum: u32 = 0;
    for (const end = at + width; at < end; at++) {
      const w: i32 = load<i16>(list + (at << 1));
      if (w < 0) return CHECK_FIELD;
      sum += w;
      if (sum > MOST_WEIGHT) return CHECK_FIELD;
    }
  }
  return 0;
}

export function verifyMicroFeatures(record: usize): i32 {
  if (u32At(record, O_BYTES) != MICRO_FEATURES_RECORD_BYTES) return CHECK_RECORD;
  if (namedBy(record, O_INPUT) == 0 || namedBy(record, O_VARIABLE) == 0) return CHECK_INDEX;
  if (u32At(record, O_INPUT2) != NONE || u32At(record, O_INPUT3) != NONE || namedBy(record, O_VARIABLE2) != 0) return CHECK_INDEX;
  const x = inputOf(record);
  const y = outputOf(record);
  const noise = variableOf(record);
  if (dtypeOf(x) != DTYPE_INT16 || dtypeOf(y) != DTYPE_INT32 || dtypeOf(noise) != DTYPE_INT32) return CHECK_DTYPE;
  if (u32At(record, MF_WINDOW_SHIFT) > 31) return CHECK_FIELD;
  const samples = u32At(record, SP_SAMPLES);
  const channels = u32At(record, MF_CHANNELS);
  if (<u64>samples << 1 != <u64>bytesOf(x) || <u64>channels << 2 != <u64>bytesOf(noise)) return CHECK_SHAPE;
  if ((<u64>channels * u32At(record, SP_FRAMES)) != <u64>(bytesOf(y) >> 2)) return CHECK_SHAPE;
  for (let field: usize = MF_SMOOTHING; field <= <usize>MF_LEAST_SIGNAL; field += 4)
    if (u32At(record, field) > 1 << 24) return CHECK_FIELD;
  if (u32At(record, MF_STAGES) > 15 || u32At(record, MF_SMOOTHING_BITS) > 31 || u32At(record, MF_CORRECTION_BITS) > 31) return CHECK_FIELD;
  if (u32At(record, MF_NOISE_BITS) > 63 || u32At(record, MF_SNR_SHIFT) > 63) return CHECK_FIELD;
  let check = checkFrames(record, 2, false);
  if (!check) check = checkBands(record);
  if (!check) check = checkWeights(u32At(record, MF_GAIN), GAIN_ENTRIES << 1);
  if (!check) check = checkWeights(u32At(record, MF_LOG), LOG_ENTRIES << 1);
  return check ? check : checkRecurrentScratch(record, transformBytes(u32At(record, SP_SIZE)));
}

/**
 * Windowed, saturating; scaled up as far as int16 holds; transformed, and the energy of each bin left at `bins`. Answers by how many
 * bits it was scaled up.
 */
function transform(record: usize, x: usize, bins: usize): u32 {
  const size: usize = u32At(record, SP_SIZE);
  const length: usize = u32At(record, SP_LENGTH);
  const frame = bins + ((size + 2) << 3);
  const window = weights + u32At(record, SP_WINDOW);
  const shift = u32At(record, MF_WINDOW_SHIFT);
  const table = weights + u32At(record, SP_TABLE);
  let largest: i32 = 0;
  for (let i: usize = 0; i < size; i++) {
    let v: i32 = 0;
    if (i < length) {
      v = (<i32>load<i16>(x + (i << 1)) * <i32>load<i16>(window + (i << 1))) >> shift;
      v = min<i32>(max<i32>(v, i16.MIN_VALUE), i16.MAX_VALUE);
    }
    largest = max<i32>(largest, v < 0 ? -v : v);
    store<f64>(frame + (i << 3), v);
  }
  // Silence stays as it is, and so does what holds -2^15.
  const bits: u32 = largest ? <u32>max<i32>(<i32>clz<i32>(largest) - 17, 0) : 0;
  for (let i: usize = 0; i < length << 3; i += 8) store<f64>(frame + i, load<f64>(frame + i) * <f64>(1 << bits));
  fft(frame, bins, 1, size >> 1, table, size << 1, 2, true);
  split(bins, size >> 1, table, true, false);
  for (let i: usize = 0; i <= size >> 1; i++) {
    const re = load<f64>(bins + (i << 4));
    const im = load<f64>(bins + (i << 4), 8);
    store<f64>(bins + (i << 3), re * re + im * im);
  }
  return bits;
}

/** √v to the nearest, below 2³² at most 65535; v is whole and below 2⁵³. */
function root(v: f64): u32 {
  const r = floor(sqrt<f64>(v));
  return <u32>r + u32(v - r * r > r && (r != 65535 || v >= 4294967296));
}

/** The gain at noise v: parabolas between powers of two, 11 bits of each. */
function gainOf(v: u32, table: usize): i32 {
  if (v <= 2) return load<i16>(table + ((<usize>v) << 1));
  const bits: i32 = 32 - <i32>clz<u32>(v);
  const at = table + ((4 * bits - 6) << 1);
  const part: i32 = (bits < 11 ? v << (11 - bits) : v >> (bits - 11)) & 0x3ff;
  const linear: i32 = <i32>load<i16>(at, 2) << 5;
  const bend: i32 = (<i32>load<i16>(at, 4) * part) >> 5;
  return <i16>((((linear + bend) * part + 0x4000) >> 15) + <i32>load<i16>(at));
}

/** ln v · scale in 16 fraction bits of log₂; v is at least 2. */
function logarithm(v: u32, table: usize, scale: u32): u32 {
  const whole: u32 = 31 - clz<u32>(v);
  const rest = v - (<u32>1 << whole);
  const part = whole < 16 ? rest << (16 - whole) : rest >> (whole - 16);
  const at = table + ((part >> 9) << 1);
  const low: i32 = load<u16>(at);
  const step: i32 = <i32>load<u16>(at, 2) - low;
  const log2 = (whole << 16) + part + low + ((step * <i32>(part & 511)) >> 16);
  const natural = <u32>((<u64>45426 * log2 + 0x8000) >> 16);
  return (scale * natural + 0x8000) >> 16;
}

export function runMicroFeatures(record: usize): void {
  const bins = arena + u32At(record, M_SCRATCH);
  const frames = u32At(record, SP_FRAMES);
  const channels = u32At(record, MF_CHANNELS);
  const stages = u32At(record, MF_STAGES);
  const bits: u64 = u32At(record, MF_NOISE_BITS);
  const smoothingBits = u32At(record, MF_SMOOTHING_BITS);
  let x = dataOf(inputOf(record));
  let y = dataOf(outputOf(record));
  for (let t: u32 = 0; t < frames; t++) {
    const scaled = transform(record, x, bins);
    let list = weights + u32At(record, MF_BANDS);
    let noise = dataOf(variableOf(record));
    for (let c: u32 = 0; c < channels; c++) {
      let at = bins + (<usize>load<u16>(list) << 3);
      const end = at + (<usize>load<u16>(list, 2) << 3);
      list += 4;
      let sum: f64 = 0;
      for (; at < end; at += 8) {
        sum += <f64>load<i16>(list) * load<f64>(at);
        list += 2;
      }
      let v = root(sum) >> scaled;
      if (stages & MICRO_NOISE) {
        const up = v << smoothingBits;
        const rates = record + MF_SMOOTHING + ((c & 1) << 3);
        const kept = <u64>load<u32>(noise) * u32At(rates, 4);
        const estimate = <u32>((<u64>up * u32At(rates, 0) + kept) >> bits);
        const below = min<u32>(estimate, up);
        store<u32>(noise, stages & MICRO_CLAMPS ? below : estimate);
        v = max<u32>((up - below) >> smoothingBits, <u32>((<u64>v * u32At(record, MF_LEAST_SIGNAL)) >> bits));
      }
      if (stages & MICRO_GAIN) {
        const gain = <u32>gainOf(load<u32>(noise), weights + u32At(record, MF_GAIN));
        const ratio = <u32>((<u64>v * gain) >> <u64>u32At(record, MF_SNR_SHIFT));
        v = ratio < 8192 ? (ratio * ratio) >> 20 : (ratio >> 6) - 64;
      }
      if (stages & MICRO_LOG) {
        v <<= u32At(record, MF_CORRECTION_BITS);
        const log = v > 1 ? logarithm(v, weights + u32At(record, MF_LOG), u32At(record, MF_LOG_SCALE)) : 0;
        v = min<u32>(log, i16.MAX_VALUE);
      }
      store<u32>(y, v);
      y += 4;
      noise += 4;
    }
    x += <usize>u32At(record, SP_HOP) << 1;
  }
}
