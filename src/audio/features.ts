/** What a front end makes of clips, computed by the engine. */

import { elementCount, type Graph, type Tensor } from "../graph/graph.ts";
import { makeNode } from "../graph/passes/rewrite.ts";
import { pack } from "../pack/pack.ts";
import { createModel } from "../runtime/model.ts";
import { wasm } from "../wasm.ts";
import { type FrontEnd, withFrontEnd } from "./front-end.ts";

/** The features of one clip in an array of their own; a clip of another length is cut, or silent at its end. */
export type Features = (clip: Float32Array) => Float32Array;

/**
 * The features that a model with an input of this shape gets from `frontEnd`, as float32.
 * @throws NibbleError "bad-input" where the shape does not hold whole frames of what the front end makes
 */
export function createFeatures(frontEnd: FrontEnd, shape: readonly number[]): Features {
  const input: Tensor = { name: "features", dtype: "float32", shape: [...shape] };
  const output: Tensor = { ...input, name: "out" };
  const graph: Graph = {
    name: "features",
    nodes: [makeNode("reshape", "out", [input], output, {})],
    inputs: [input],
    outputs: [output],
    rounding: "single",
  };
  const model = createModel(wasm, pack(withFrontEnd(graph, frontEnd, { stream: false })).bytes);
  const samples = model.input() as Float32Array;
  return (clip) => {
    samples.fill(0);
    samples.set(clip.subarray(0, samples.length));
    model.invoke();
    return Float32Array.from({ length: elementCount(shape) }, (_, i) => Number(model.output()[i]));
  };
}
