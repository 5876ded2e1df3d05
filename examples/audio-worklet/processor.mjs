// An AudioWorklet processor that runs a model on the newest samples, once per hop.
// The model sees raw samples, as many as its input has elements: a model that wants other features needs its front end
// in here too. Bundle it for addModule: esbuild processor.mjs --bundle --format=esm --outfile=processor.js
import { loadModelSync } from "nibblenet";

class ModelProcessor extends AudioWorkletProcessor {
  constructor({ processorOptions: { bytes, module, hop } }) {
    super();
    // Compiled on the page: a worklet can't fetch, and its thread should not compile.
    this.model = loadModelSync(bytes, { wasm: module });
    this.window = this.model.input();
    this.samples = new Float32Array(this.window.length);
    this.hop = hop;
    this.waiting = 0;
  }

  process([[samples]]) {
    if (!samples) return true;
    this.samples.copyWithin(0, samples.length);
    this.samples.set(samples, this.samples.length - samples.length);
    this.waiting += samples.length;
    if (this.waiting < this.hop) return true;
    this.waiting -= this.hop;
    this.window.set(this.samples);
    this.model.invoke();
    // A copy: posting the view itself would clone the whole memory behind it.
    this.port.postMessage(this.model.output().slice());
    return true;
  }
}

registerProcessor("nibblenet-model", ModelProcessor);
