/** OP_SPECTRUM: the Fourier transform of overlapping frames of samples. OP_MICRO_FEATURES: what TFLite Micro makes of them. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { OP_MICRO_FEATURES } from "../codes";
import {
  DTYPE_FLOAT32,
  DTYPE_INT16,
  DTYPE_INT32,
  O_BYTES,
  O_CODE,
  O_INPUT,
  O_INPUT2,
  O_INPUT3,
  O_VARIABLE,
  O_VARIABLE2,
} from "../format";
import {
  MF_CHANNELS,
  MICRO_FEATURES_RECORD_BYTES,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  SPECTRUM_RECORD_BYTES,
  SP_FRAMES,
  SP_HOP,
  SP_IS_POWER,
  SP_LENGTH,
  SP_SAMPLES,
  SP_SIZE,
  SP_TABLE,
  SP_WINDOW,
} from "../records";
import { checkScratch, checkWeights, within } from "../engine/check";
import { isKept } from "../engine/kept";
import { arena, bytesOf, dataOf, dtypeOf, inputOf, namedBy, outputOf, u32At, weights } from "../engine/model";
import { fft, split } from "../kernels/signal/fft";
import { checkMicro, microFrame } from "./micro-features";
import { elementsOf } from "./quantize-linear";

function isMicro(record: usize): bool {
  return isKept(u32At(record, O_CODE), OP_MICRO_FEATURES);
}

/** Elements that a frame of the output has. */
function perFrame(record: usize): u32 {
  if (isMicro(record)) return u32At(record, MF_CHANNELS);
  const size = u32At(record, SP_SIZE);
  return u32At(record, SP_IS_POWER) ? (size >> 1) + 1 : size + 2;
}

export function verifySpectrum(record: usize): i32 {
  const micro = isMicro(record);
  if (u32At(record, O_BYTES) != (micro ? MICRO_FEATURES_RECORD_BYTES : SPECTRUM_RECORD_BYTES)) return CHECK_RECORD;
  const x = namedBy(record, O_INPUT);
  const noise = namedBy(record, O_VARIABLE);
  const others = namedBy(record, O_INPUT2) | namedBy(record, O_INPUT3) | namedBy(record, O_VARIABLE2);
  if (x == 0 || others != 0 || (noise != 0) != micro) return CHECK_INDEX;
  const y = outputOf(record);
  if (dtypeOf(y) != (micro ? DTYPE_INT32 : DTYPE_FLOAT32)) return CHECK_DTYPE;
  if (dtypeOf(x) != DTYPE_INT16 && (micro || dtypeOf(x) != DTYPE_FLOAT32)) return CHECK_DTYPE;
  const size = u32At(record, SP_SIZE);
  const length = u32At(record, SP_LENGTH);
  const samples = u32At(record, SP_SAMPLES);
  const frames = u32At(record, SP_FRAMES);
  if (!within(record, SP_SIZE, 4, 1 << 16) || popcnt(size) != 1 || length > size) return CHECK_FIELD;
  // A rounded product of whole numbers is past every tensor's size.
  const rows = <f64>elementsOf(x) / <f64>samples;
  if (!(rows > 0 && rows == floor(rows)) || (<f64>frames - 1) * u32At(record, SP_HOP) + length > samples) return CHECK_SHAPE;
  if (rows * frames * perFrame(record) != <f64>elementsOf(y)) return CHECK_SHAPE;
  let check = checkWeights(u32At(record, SP_WINDOW), <f64>length * 4);
  if (!check) check = checkWeights(u32At(record, SP_TABLE), <f64>size * 8);
  if (!check && micro) check = checkMicro(record, noise);
  return check ? check : checkScratch(
    u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), <f64>size * 16 + 16, x, micro ? noise : x
  ) | checkScratch(u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), 0, y, y);
}

/**
 * The bins of one frame, times its window. In fixed point it is scaled up as far as int16 holds first; answers by what factor.
 */
function transform(record: usize, x: usize, isWhole: bool, isFixed: bool): f64 {
  const size: usize = u32At(record, SP_SIZE);
  const bins = arena + u32At(record, M_SCRATCH);
  const frame = bins + ((size + 2) << 3);
  const table = weights + u32At(record, SP_TABLE);
  let window = weights + u32At(record, SP_WINDOW);
  const windowEnd = window + (<usize>u32At(record, SP_LENGTH) << 2);
  let largest: f64 = 0;
  let at = frame;
  for (const end = frame + (size << 3); at < end; at += 8) {
    let v: f64 = 0;
    if (window < windowEnd) {
      v = (isWhole ? <f64>load<i16>(x) : <f64>load<f32>(x)) * <f64>load<f32>(window);
      if (isFixed) {
        v = floor(v);
        v = v < 32767 ? v : 32767;
        v = v > -32768 ? v : -32768;
        largest = max<f64>(largest, abs<f64>(v));
      }
      x += isWhole ? 2 : 4;
      window += 4;
    }
    store<f64>(at, v);
  }
  let scale: f64 = 1;
  if (isFixed && largest > 0) {
    while (largest * scale < 16384) scale *= 2;
    for (at = frame; at < frame + (size << 3); at += 8) store<f64>(at, load<f64>(at) * scale);
  }
  fft(frame, bins, 1, size >> 1, table, size << 1, 2, isFixed);
  split(bins, size >> 1, table, isFixed);
  return scale;
}

export function runSpectrum(record: usize): void {
  const isWhole = dtypeOf(inputOf(record)) == DTYPE_INT16;
  const shift: usize = isWhole ? 1 : 2;
  const frames = u32At(record, SP_FRAMES);
  const bins = arena + u32At(record, M_SCRATCH);
  let x = dataOf(inputOf(record));
  let y = dataOf(outputOf(record));
  const end = x + bytesOf(inputOf(record));
  for (; x < end; x += <usize>u32At(record, SP_SAMPLES) << shift) {
    for (let t: u32 = 0; t < frames; t++) {
      const scale = transform(record, x + ((t * u32At(record, SP_HOP)) << shift), isWhole, isMicro(record));
      if (isMicro(record)) microFrame(record, bins, scale, y);
      const next = y + (<usize>perFrame(record) << 2);
      for (let at = bins; !isMicro(record) && y < next; y += 4) {
        let v = load<f64>(at);
        at += 8;
        if (u32At(record, SP_IS_POWER)) {
          v = v * v + load<f64>(at) * load<f64>(at);
          at += 8;
        }
        store<f32>(y, <f32>v);
      }
      y = next;
    }
  }
}
