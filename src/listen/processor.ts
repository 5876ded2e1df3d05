/** A file of its own, for `audioWorklet.addModule`: everything comes in by its options; it imports and fetches nothing. */
import { instantiate } from "../runtime/instantiate.ts";
import { loadBytes } from "../runtime/load.ts";
import type { Model } from "../runtime/model.ts";
import { createListener, type Listener } from "./listener.ts";
import { type FromProcessor, type ProcessorOptions, processorName, type ToProcessor } from "./messages.ts";

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(
  name: string,
  processor: new (options: { processorOptions: ProcessorOptions }) => AudioWorkletProcessor,
): void;
declare const sampleRate: number;
declare const currentFrame: number;

interface Running {
  listener: Listener;
  model: Model;
}

/** Enough to catch up with a gate's lead at several times the speed of the audio. */
const burst = 4;

registerProcessor(
  processorName,
  class extends AudioWorkletProcessor {
    running: Running | undefined;
    every = 0;
    expected = -1;
    missed = 0;
    blocks = 0;
    untilReport = 0;

    constructor({ processorOptions }: { processorOptions: ProcessorOptions }) {
      super();
      this.every = (processorOptions.every * sampleRate) / 1000;
      this.port.onmessage = ({ data }: MessageEvent<ToProcessor>) => {
        if (data === "close") this.running = undefined;
        else if (data === "reset") this.restart();
        else this.running?.listener.setThreshold(data.threshold);
      };
      try {
        this.running = start(processorOptions, this.post);
        const { model, listener } = this.running;
        this.post({ type: "ready", tier: model.tier, labels: listener.labels });
        this.report(listener);
      } catch (error) {
        this.fail(error);
      }
    }

    post = (message: FromProcessor): void => this.port.postMessage(message);

    fail(error: unknown): void {
      this.running = undefined;
      const { code = "", message = String(error) } = error as { code?: string; message?: string };
      this.post({ type: "error", code, message });
    }

    restart(): void {
      this.running?.listener.reset();
      this.expected = -1;
      this.missed = this.blocks = 0;
    }

    report(listener: Listener): void {
      const { missed, blocks } = this;
      const statistics = { ...listener.statistics(), inputRate: sampleRate, missed, blocks };
      this.post({ type: "statistics", statistics });
      this.untilReport = this.every;
    }

    process([[samples]]: Float32Array[][]): boolean {
      const listener = this.running?.listener;
      if (!listener) return false;
      // Nothing is connected.
      if (!samples) {
        this.expected = -1;
        return true;
      }
      if (this.expected >= 0 && currentFrame > this.expected) this.missed += currentFrame - this.expected;
      this.expected = currentFrame + samples.length;
      this.blocks++;
      try {
        listener.push(samples, sampleRate);
      } catch (error) {
        this.fail(error);
        return false;
      }
      this.untilReport -= samples.length;
      if (this.untilReport <= 0) this.report(listener);
      return true;
    }
  },
);

function start(
  { model: bytes, name, wasm, options, gate }: ProcessorOptions,
  post: (m: FromProcessor) => void,
): Running {
  const load = (file: Uint8Array): Model => loadBytes({ instantiate }, file, { wasm, name });
  const model = load(bytes);
  const { model: voice, ...timing } = gate ?? {};
  const listener = createListener(model, {
    ...options,
    burst: options.burst ?? burst,
    ...(gate && { gate: { ...timing, ...(voice && { model: load(voice) }) } }),
    onDetect: (detection) => post({ type: "detection", detection }),
    // Copies: posting a view would clone the whole memory behind it.
    onScore: ({ time, scores, averages }) =>
      post({ type: "score", time, scores: scores.slice(), averages: averages.slice() }),
  });
  return { listener, model };
}
