import type { Graph, Tensor, TensorData } from "../graph/graph.ts";
import { pack } from "../pack/pack.ts";
import type { Executor } from "../quantize/executor.ts";
import { wasm } from "../wasm.ts";
import { NibbleError } from "./errors.ts";
import { createModel } from "./model.ts";
import type { Tier } from "./tiers.ts";

/** Runs a graph on the engine itself with every tensor kept, so that tools see what users will get. */
export function createExecutor(graph: Graph, tier: Tier | "auto" = "auto"): Executor {
  const { bytes, tensorIndex } = pack(graph, { keepAll: true });
  const model = createModel(wasm, bytes, { tier, name: graph.name });
  const views = new Map<Tensor, TensorData>();
  for (const [tensor, index] of tensorIndex) views.set(tensor, model.tensor(index));
  return {
    run(inputs) {
      model.run(Object.fromEntries(graph.inputs.map((input, i) => [input.name, inputs[i]])));
    },
    read(tensor) {
      const view = tensor.data ?? views.get(tensor);
      if (!view)
        throw new NibbleError("bad-input", `graph "${graph.name}" computes no tensor "${tensor.name}"`);
      return view;
    },
    reset: model.reset,
    dispose: model.dispose,
  };
}
