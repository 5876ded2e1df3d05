import type { ListeningModel } from "../../src/listen/model.ts";

export interface FakeModel extends ListeningModel {
  /** A copy of what each inference read. */
  readonly seen: (Float32Array | Int16Array)[];
  resets: number;
}

/** A model of `window` samples whose outputs are `answer` of them. */
export function fakeModel({
  window,
  outputs = 1,
  dtype = "float32",
  scale = 0,
  zeroPoint = 0,
  metadata,
  answer,
}: {
  window: number;
  outputs?: number;
  dtype?: "float32" | "int16" | "int8";
  scale?: number;
  zeroPoint?: number;
  metadata?: unknown;
  answer(samples: Float32Array | Int16Array): number[];
}): FakeModel {
  const samples = dtype === "int16" ? new Int16Array(window) : new Float32Array(window);
  const values = scale ? new Uint8Array(outputs) : new Float32Array(outputs);
  const seen: (Float32Array | Int16Array)[] = [];
  return {
    seen,
    resets: 0,
    inputs: [{ name: "samples", dtype, shape: [1, window], scale: 0, zeroPoint: 0 }],
    outputs: [{ name: "score", dtype: scale ? "uint8" : "float32", shape: [1, outputs], scale, zeroPoint }],
    metadata,
    memory: { weights: 0, arena: 0, state: 0, total: 65536 },
    input: () => samples,
    output: () => values,
    invoke() {
      seen.push(samples.slice());
      values.set(answer(samples));
    },
    reset() {
      this.resets++;
    },
  };
}
