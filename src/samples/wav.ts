import wavefile from "wavefile";
import { NibbleError } from "../runtime/errors.ts";

/** One channel, −1…1. */
export interface Audio {
  sampleRate: number;
  samples: Float32Array;
}

/** Zero and full scale of each sample format. */
const formats: Record<string, { zero: number; full: number }> = {
  8: { zero: 128, full: 128 },
  16: { zero: 0, full: 2 ** 15 },
  24: { zero: 0, full: 2 ** 23 },
  32: { zero: 0, full: 2 ** 31 },
  "32f": { zero: 0, full: 1 },
  64: { zero: 0, full: 1 },
};

/** All channels' samples by turns. The library reads what a damaged header asks for, which may not be there. */
function samplesOf(wav: wavefile.WaveFile, fail: (what: string, cause: unknown) => never): ArrayLike<number> {
  try {
    return isPlain(wav) ? plainSamples(wav) : wav.getSamples(true);
  } catch (cause) {
    return fail(
      `its samples can't be read (${cause instanceof Error ? cause.message : String(cause)})`,
      cause,
    );
  }
}

/**
 * Reads a WAV file; several channels become their mean. 16-bit samples are divided by 32768.
 *
 * @throws NibbleError "bad-input" naming `file`, also where `sampleRate` is given and the file has another.
 */
export function readWav(bytes: Uint8Array, file: string, sampleRate?: number): Audio {
  const fail = (what: string, cause?: unknown): never => {
    throw new NibbleError("bad-input", `${file}: ${what}`, { cause });
  };
  const wav = new wavefile.WaveFile();
  try {
    wav.fromBuffer(bytes);
  } catch (cause) {
    return fail(`not a readable WAV file (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
  const { sampleRate: rate, numChannels, blockAlign } = wav.fmt as Record<string, number>;
  const format = formats[wav.bitDepth];
  if (!format) return fail(`samples are "${wav.bitDepth}"; expected 16-bit PCM`);
  if (sampleRate !== undefined && rate !== sampleRate) {
    return fail(`sample rate is ${rate} Hz, expected ${sampleRate} Hz; resample the file first`);
  }
  if (!(numChannels! > 0 && blockAlign! > 0))
    return fail(`${numChannels} channels in frames of ${blockAlign} bytes; expected at least one of each`);
  const interleaved = samplesOf(wav, fail);
  const count = Math.floor(interleaved.length / numChannels!);
  const { chunkSize } = wav.data as { chunkSize: number };
  if (count * blockAlign! < chunkSize - (chunkSize % blockAlign!)) {
    return fail(`the header promises ${chunkSize} bytes of samples, the file holds ${count * blockAlign!}`);
  }
  const samples = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    let sum = 0;
    for (let channel = 0; channel < numChannels!; channel++) {
      sum += interleaved[n * numChannels! + channel] - format.zero;
    }
    samples[n] = sum / (numChannels! * format.full);
  }
  return { sampleRate: rate!, samples };
}

/** 16 bits, least byte first: what almost every clip is, and what the library takes its time over. */
const isPlain = ({ bitDepth, container }: wavefile.WaveFile): boolean =>
  bitDepth === "16" && container === "RIFF";

function plainSamples({ data }: wavefile.WaveFile): Int16Array {
  const bytes = Uint8Array.from((data as { samples: Uint8Array }).samples);
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}
