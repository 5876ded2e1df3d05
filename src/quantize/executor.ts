import type { Graph, Tensor, TensorData } from "../graph/graph.ts";

/** Runs one graph; calibration and reports use it, so that they see what the engine will compute. */
export interface Executor {
  /** One inference; `inputs` in the order of the graph's inputs. */
  run(inputs: TensorData[]): void;
  /** Forgets what the model remembers of earlier runs; there where models can remember. */
  reset?(): void;
  /** Any tensor of the graph, intermediate ones too; a view, valid until the next run. */
  read(tensor: Tensor): TensorData;
  dispose(): void;
}

export type MakeExecutor = (graph: Graph) => Executor;

/** Every run as if it were the first. */
export const forgetful =
  (makeExecutor: MakeExecutor): MakeExecutor =>
  (graph) => {
    const executor = makeExecutor(graph);
    return {
      ...executor,
      run(inputs) {
        executor.reset?.();
        executor.run(inputs);
      },
    };
  };
