/** An AudioWorklet processor: the job, the archive and a compiled module come as options, the answer leaves by the port. */
import { loadModelSync } from "nibblenet";
import { check } from "../check.ts";
import { loadWith } from "../load.ts";

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(
  name: string,
  processor: new (options: { processorOptions: ReturnType<typeof JSON.parse> }) => AudioWorkletProcessor,
): void;

registerProcessor(
  "matrix",
  class extends AudioWorkletProcessor {
    constructor({
      processorOptions: { job, bytes, module },
    }: { processorOptions: ReturnType<typeof JSON.parse> }) {
      super();
      // The only clock here has a resolution of 1 ms.
      this.port.postMessage(check(loadWith(loadModelSync, module), bytes, job, () => Date.now()));
    }
    process(): boolean {
      return false;
    }
  },
);
