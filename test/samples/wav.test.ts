import { describe, expect, it } from "vitest";
import wavefile from "wavefile";
import { readWav } from "../../src/samples/wav.ts";

function wav(depth: string, channels: number[][], rate = 16000): Uint8Array {
  const file = new wavefile.WaveFile();
  file.fromScratch(channels.length, rate, depth, channels.length === 1 ? channels[0]! : channels);
  return file.toBuffer();
}

describe("readWav", () => {
  it("divides 16-bit samples by 32768", () => {
    const { samples, sampleRate } = readWav(wav("16", [[0, 16384, -32768, 32767]]), "a.wav");
    expect(sampleRate).toBe(16000);
    expect(samples).toEqual(Float32Array.of(0, 0.5, -1, 32767 / 32768));
  });

  it.each([
    ["8", [128, 192, 0]],
    ["24", [0, 2 ** 22, -(2 ** 23)]],
    ["32", [0, 2 ** 30, -(2 ** 31)]],
    ["32f", [0, 0.5, -1]],
    ["64", [0, 0.5, -1]],
  ])("reads %s-bit samples on the same scale", (depth, values) => {
    expect(readWav(wav(depth, [values]), "a.wav").samples).toEqual(Float32Array.of(0, 0.5, -1));
  });

  it("mixes channels down to their mean", () => {
    const bytes = wav("16", [
      [16384, 0, -32768],
      [0, 16384, -32768],
    ]);
    expect(readWav(bytes, "a.wav").samples).toEqual(Float32Array.of(0.25, 0.25, -1));
  });

  it("names the rate it found and the one it needs", () => {
    const bytes = wav("16", [[1, 2, 3]], 8000);
    expect(readWav(bytes, "a.wav").sampleRate).toBe(8000);
    expect(() => readWav(bytes, "a.wav", 16000)).toThrow(
      "a.wav: sample rate is 8000 Hz, expected 16000 Hz; resample the file first",
    );
  });

  it("refuses cut and foreign files", () => {
    const bytes = wav("16", [[1, 2, 3, 4]]);
    expect(() => readWav(bytes.slice(0, -4), "a.wav")).toThrow(
      /promises 8 bytes of samples, the file holds 4/,
    );
    expect(() => readWav(bytes.slice(0, 30), "a.wav")).toThrow(/a\.wav: not a readable WAV file/);
    expect(() => readWav(new Uint8Array(100), "a.wav")).toThrow(
      expect.objectContaining({ code: "bad-input", message: expect.stringContaining("a.wav") }),
    );
  });
});
