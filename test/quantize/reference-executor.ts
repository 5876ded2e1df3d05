import type { Tensor, TensorData } from "../../src/graph/graph.ts";
import type { MakeExecutor } from "../../src/quantize/executor.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { runReference } from "../reference/run.ts";

/** The slow reference, behind the interface the quantizer expects of an engine. */
export const referenceExecutor: MakeExecutor = (graph) => {
  let values = new Map<Tensor, TensorData>();
  return {
    run(inputs) {
      values = runReference(graph, inputs);
    },
    read(tensor) {
      const found = values.get(tensor) ?? tensor.data;
      if (!found) throw new NibbleError("bad-input", `tensor "${tensor.name}" does not belong to the graph`);
      return found;
    },
    dispose: () => values.clear(),
  };
};
