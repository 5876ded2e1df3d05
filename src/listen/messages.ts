/** What passes between a page and the processor on its audio thread. */
import type { HandedModules } from "../runtime/engine.ts";
import type { Detection, ListenerOptions, ListenerStatistics } from "./listener.ts";
import type { GateOptions } from "./make-gate.ts";

export const processorName = "nibblenet-listener";

/** Options of a listener that can be posted. */
export type PostedOptions = Omit<ListenerOptions, "gate" | "timer" | "onDetect" | "onScore">;

export interface ProcessorOptions {
  model: Uint8Array;
  name: string;
  wasm: HandedModules;
  options: PostedOptions;
  gate?: Omit<GateOptions, "model"> & { model?: Uint8Array };
  /** Milliseconds of audio between statistics. */
  every: number;
}

/** Figures of a listener on the audio thread. */
export interface LiveStatistics extends ListenerStatistics {
  /** Hertz of the audio that comes in. */
  inputRate: number;
  /** Samples of input that the audio thread has missed: its clock went on without a call. */
  missed: number;
  /** Calls of the audio thread, of 128 samples as a rule. */
  blocks: number;
}

export type FromProcessor =
  | { type: "ready"; tier: string; labels: readonly string[] }
  | { type: "detection"; detection: Detection }
  | { type: "score"; time: number; scores: Float32Array; averages: Float32Array }
  | { type: "statistics"; statistics: LiveStatistics }
  | { type: "error"; code: string; message: string };

export type ToProcessor = "reset" | "close" | { threshold: NonNullable<ListenerOptions["threshold"]> };
