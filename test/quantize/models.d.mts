import type { Graph, Sample } from "../../build/types/src/tools.js";

interface Measured {
  graph: Graph;
  samples: Sample[];
  compareOn: Sample[];
  independent?: boolean;
}

export const models: Record<string, (folder: string) => Measured>;
export function load(file: string, options?: object): Graph;
