import { expect } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";

export const open = (bytes: Uint8Array, inputShapes: Record<string, number[]> = {}): Graph =>
  importOnnx(bytes, { file: "model.onnx", inputShapes });

/** The NibbleError that `run` ends with; anything else fails the test. */
export function refusal(run: () => unknown): NibbleError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(NibbleError);
    return error as NibbleError;
  }
  throw new Error("expected a refusal");
}
