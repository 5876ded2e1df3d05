import type { TensorData } from "../graph/graph.ts";

/** One set of input tensors, in the order of the graph's inputs. */
export interface Sample {
  /** Where it came from, for errors: usually a file. */
  name: string;
  inputs: TensorData[];
  /** The right class, where known. */
  label?: number;
}

/** Samples that can be walked more than once; lazy ones read their files again each time. */
export interface SampleSet extends Iterable<Sample> {
  readonly length: number;
}
