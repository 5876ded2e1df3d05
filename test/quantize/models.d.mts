import type { Graph } from "../../src/graph/graph.ts";
import type { Sample } from "../../src/samples/sample.ts";

interface Measured {
  graph: Graph;
  samples: Sample[];
  compareOn: Sample[];
  independent?: boolean;
}

export const models: Record<string, (folder: string, version?: string) => Measured>;
export function load(file: string, options?: object): Graph;
