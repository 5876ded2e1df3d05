/** What OP_MICRO_FEATURES makes of the bins of a frame: TFLite Micro's filter bank, noise reduction, gain control and logarithm. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_SHAPE } from "../abi";
import { DTYPE_INT32 } from "../format";
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
  MF_SMOOTHING,
  MF_SMOOTHING_BITS,
  MF_SNR_SCALE,
  SP_SIZE,
  SP_TABLE,
} from "../records";
import { checkWeights } from "../engine/check";
import { bytesOf, dataOf, dtypeOf, f32At, u32At, variableOf, weights } from "../engine/model";

/** Every channel has its bins inside the spectrum and its weights inside the list; no number leaves int32 on its way. */
export function checkMicro(record: usize, noise: usize): i32 {
  const size = u32At(record, SP_SIZE);
  const channels = u32At(record, MF_CHANNELS);
  if (dtypeOf(noise) != DTYPE_INT32) return CHECK_DTYPE;
  if (<f64>channels * 4 != <f64>bytesOf(noise)) return CHECK_SHAPE;
  const shares = record + MF_SMOOTHING;
  for (let i: usize = 0; i < 24; i += 8)
    if (!(f32At(shares, i) >= 0 && f32At(shares, i + 4) >= 0 && <f64>f32At(shares, i) + <f64>f32At(shares, i + 4) <= 1))
      return CHECK_FIELD;
  const table = weights + u32At(record, SP_TABLE);
  for (let i: usize = 0; i < <usize>size << 3; i += 8) if (!(abs<f64>(load<f64>(table + i)) <= 32767)) return CHECK_FIELD;
  let at = weights + u32At(record, MF_BANDS);
  const end = at + (<usize>u32At(record, MF_BANDS_COUNT) << 1);
  let check = checkWeights(u32At(record, MF_BANDS), <f64>u32At(record, MF_BANDS_COUNT) * 2);
  if (!check) check = checkWeights(u32At(record, MF_GAIN), GAIN_ENTRIES << 1);
  if (!check) check = checkWeights(u32At(record, MF_LOG), LOG_ENTRIES << 1);
  for (let c: u32 = 0; c < channels && !check; c++) {
    if (at + 4 > end) return CHECK_FIELD;
    const width: u32 = load<u16>(at, 2);
    if (load<u16>(at) + width > (size >> 1) + 1) return CHECK_FIELD;
    at += 4 + (width << 1);
    if (at > end) return CHECK_FIELD;
  }
  return check;
}

/** √v to the nearest, below 2³² at most 65535; v is whole. */
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
  // Shifted out at the top is the leading 1.
  const part = (v << (31 - whole) << 1) >> 16;
  const at = table + ((part >> 9) << 1);
  const low: i32 = load<u16>(at);
  const step: i32 = <i32>load<u16>(at, 2) - low;
  const log2 = (whole << 16) + part + low + ((step * <i32>(part & 511)) >> 16);
  const natural = <u32>((<f64>log2 * 45426 + 32768) * (1.0 / 65536));
  return (scale * natural + 0x8000) >> 16;
}

/** The features of one frame; `bins` were scaled up by `scale`. Equals test/reference/spectrum.ts bit for bit. */
export function microFrame(record: usize, bins: usize, scale: f64, y: usize): void {
  const channels = u32At(record, MF_CHANNELS);
  const smoothingBits = u32At(record, MF_SMOOTHING_BITS);
  const ratioScale = f32At(record, MF_SNR_SCALE);
  let list = weights + u32At(record, MF_BANDS);
  let noise = dataOf(variableOf(record));
  for (let c: u32 = 0; c < channels; c++) {
    let at = bins + (<usize>load<u16>(list) << 4);
    const end = at + (<usize>load<u16>(list, 2) << 4);
    list += 4;
    let sum: f64 = 0;
    for (; at < end; at += 16) {
      const re = load<f64>(at);
      const im = load<f64>(at, 8);
      sum += <f64>load<u16>(list) * (re * re + im * im);
      list += 2;
    }
    let v = <u32>(<f64>root(sum) / scale);
    const up = v << smoothingBits;
    const rates = record + MF_SMOOTHING + ((c & 1) << 3);
    const estimate = <u32>(<f64>up * <f64>f32At(rates, 0) + <f64>load<u32>(noise) * <f64>f32At(rates, 4));
    store<u32>(noise, estimate);
    noise += 4;
    v = max<u32>((up - min<u32>(estimate, up)) >> smoothingBits, <u32>(<f64>v * <f64>f32At(record, MF_LEAST_SIGNAL)));
    if (ratioScale) {
      const gain = max<i32>(gainOf(estimate, weights + u32At(record, MF_GAIN)), 0);
      const ratio = <u32><i64>(<f64>v * <f64>gain * <f64>ratioScale);
      v = ratio < 8192 ? (ratio * ratio) >> 20 : (ratio >> 6) - 64;
    }
    v <<= u32At(record, MF_CORRECTION_BITS);
    if (v) v = min<u32>(logarithm(v, weights + u32At(record, MF_LOG), u32At(record, MF_LOG_SCALE)), i16.MAX_VALUE);
    store<u32>(y + (<usize>c << 2), v);
  }
}
