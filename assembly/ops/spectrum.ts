/** OP_SPECTRUM: the Fourier transform of overlapping frames of samples, and back. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { DTYPE_FLOAT32, DTYPE_INT16, O_BYTES, O_INPUT } from "../format";
import {
  M_SCRATCH,
  M_SCRATCH_BYTES,
  SPECTRUM_COMPLEX,
  SPECTRUM_INVERSE,
  SPECTRUM_MAGNITUDE,
  SPECTRUM_RECORD_BYTES,
  SP_FRAMES,
  SP_HOP,
  SP_KIND,
  SP_LENGTH,
  SP_SAMPLES,
  SP_SIZE,
  SP_TABLE,
  SP_WINDOW,
} from "../records";
import { checkScratch, checkWeights, within } from "../engine/check";
import { arena, bytesOf, dataOf, dtypeOf, inputOf, namedBy, outputOf, u32At, weights } from "../engine/model";
import { fft, split } from "../kernels/signal/fft";
import { elementsOf } from "./quantize-linear";
import { hasOneInput } from "./reduce";

/** Frames lie inside their row; the window, of elements of `bytes`, and the table inside the weights. */
export function checkFrames(record: usize, bytes: u64, isInverse: bool): i32 {
  const size = u32At(record, SP_SIZE);
  const length = u32At(record, SP_LENGTH);
  if (!within(record, SP_SIZE, 4, 1 << 16) || popcnt(size) != 1) return CHECK_FIELD;
  if (!within(record, SP_LENGTH, 1, size) || u32At(record, SP_FRAMES) == 0) return CHECK_FIELD;
  const end = <u64>(u32At(record, SP_FRAMES) - 1) * u32At(record, SP_HOP) + length;
  if (!isInverse && end > <u64>u32At(record, SP_SAMPLES)) return CHECK_SHAPE;
  const check = checkWeights(u32At(record, SP_WINDOW), bytes * length);
  return check ? check : checkWeights(u32At(record, SP_TABLE), <u64>size << 3);
}

/** Of a frame of `size` samples and its bins, in float64. */
export function transformBytes(size: u32): u64 {
  return (<u64>size << 4) + 16;
}

/** Elements that a frame of the output has. */
function perFrame(record: usize): u64 {
  const kind = u32At(record, SP_KIND);
  if (kind == SPECTRUM_INVERSE) return u32At(record, SP_LENGTH);
  const bins = (u32At(record, SP_SIZE) >> 1) + 1;
  return kind == SPECTRUM_COMPLEX ? bins << 1 : bins;
}

export function verifySpectrum(record: usize): i32 {
  if (u32At(record, O_BYTES) != SPECTRUM_RECORD_BYTES) return CHECK_RECORD;
  if (!hasOneInput(record) || namedBy(record, O_INPUT) == 0) return CHECK_INDEX;
  const x = inputOf(record);
  const y = outputOf(record);
  const kind = u32At(record, SP_KIND);
  const isInverse = kind == SPECTRUM_INVERSE;
  if (dtypeOf(y) != DTYPE_FLOAT32) return CHECK_DTYPE;
  if (dtypeOf(x) != DTYPE_FLOAT32 && (isInverse || dtypeOf(x) != DTYPE_INT16)) return CHECK_DTYPE;
  if (kind > SPECTRUM_INVERSE) return CHECK_FIELD;
  const check = checkFrames(record, 4, isInverse);
  if (check) return check;
  const size = u32At(record, SP_SIZE);
  const samples = u32At(record, SP_SAMPLES);
  if (isInverse && (u32At(record, SP_FRAMES) != 1 || samples != size + 2)) return CHECK_SHAPE;
  const rows = elementsOf(x) / samples;
  if (rows * samples != elementsOf(x)) return CHECK_SHAPE;
  // No product wraps: elements and frames are below 2³¹ and 2³², a frame of the output below 2¹⁸.
  const frames = <u64>elementsOf(y) / perFrame(record);
  if (frames * perFrame(record) != elementsOf(y) || frames != <u64>rows * u32At(record, SP_FRAMES)) return CHECK_SHAPE;
  return checkScratch(u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), transformBytes(size), x, y);
}

export function runSpectrum(record: usize): void {
  const kind = u32At(record, SP_KIND);
  const size: usize = u32At(record, SP_SIZE);
  const half = size >> 1;
  const length: usize = u32At(record, SP_LENGTH);
  const samples: usize = u32At(record, SP_SAMPLES);
  const frames = u32At(record, SP_FRAMES);
  const window = weights + u32At(record, SP_WINDOW);
  const table = weights + u32At(record, SP_TABLE);
  const bins = arena + u32At(record, M_SCRATCH);
  const frame = bins + ((size + 2) << 3);
  const isWhole = dtypeOf(inputOf(record)) == DTYPE_INT16;
  const isInverse = kind == SPECTRUM_INVERSE;
  const shift: usize = isWhole ? 1 : 2;
  const given = isInverse ? samples : size;
  const into = isInverse ? bins : frame;
  const result = isInverse ? frame : bins;
  const hop = <usize>u32At(record, SP_HOP) << shift;
  let x = dataOf(inputOf(record));
  let y = dataOf(outputOf(record));
  const end = x + bytesOf(inputOf(record));
  for (; x < end; x += samples << shift) {
    let from = x;
    for (let t: u32 = 0; t < frames; t++) {
      for (let i: usize = 0; i < given; i++) {
        let v: f64 = 0;
        const at = from + (i << shift);
        if (isInverse) v = load<f32>(at);
        else if (i < length) v = (isWhole ? <f64>load<i16>(at) : <f64>load<f32>(at)) * <f64>load<f32>(window + (i << 2));
        store<f64>(into + (i << 3), v);
      }
      from += hop;
      if (isInverse) split(bins, half, table, false, true);
      fft(into, result, 1, half, table, size << 1, 2, false);
      if (!isInverse) split(bins, half, table, false, false);
      const count = isInverse ? length : kind == SPECTRUM_COMPLEX ? size + 2 : half + 1;
      for (let i: usize = 0; i < count; i++) {
        let v: f64;
        // Of the inverse the real parts are the second of each pair.
        if (isInverse) v = load<f64>(frame + ((i ^ 1) << 3)) * <f64>load<f32>(window + (i << 2));
        else if (kind == SPECTRUM_COMPLEX) v = load<f64>(bins + (i << 3));
        else {
          const re = load<f64>(bins + (i << 4));
          const im = load<f64>(bins + (i << 4), 8);
          v = re * re + im * im;
          if (kind == SPECTRUM_MAGNITUDE) v = sqrt<f64>(v);
        }
        store<f32>(y, <f32>v);
        y += 4;
      }
    }
  }
}
