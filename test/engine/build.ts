import { noActivation } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import {
  activationTensor,
  constantOf,
  fullyConnectedGraph,
  graphOf,
  type Kind,
  node,
  randomFrom,
} from "../helpers/graphs.ts";

/** x [1, 6] → y [1, 4], both int8 (or `kind`). */
export function smallModel(kind: Kind = "int8", seed = 1): Uint8Array {
  return pack(fullyConnectedGraph(randomFrom(seed), [1], 4, 6, { kind }), {
    metadata: { labels: ["a", "ü"] },
  }).bytes;
}

/** y = left + right · 2; two named float32 inputs of three values, two outputs. */
export function twoInputs(): Uint8Array {
  const f32 = (name: string) => activationTensor(name, "float32", [3]);
  const [left, right, scaled, sum] = ["left", "right", "scaled", "sum"].map(f32);
  const two = constantOf(activationTensor("two", "float32", [1]), Float32Array.of(2));
  const nodes = [
    node("mul", [right!, two], scaled!, { activation: noActivation }),
    node("add", [left!, scaled!], sum!, { activation: noActivation }),
  ];
  return pack(graphOf(nodes, "single", [sum!, scaled!])).bytes;
}

/** One QUANTIZE of `length` values, and what its input type is when the border does it. */
export function borders(
  scale: number,
  zeroPoint: number,
  length: number,
): { inside: Uint8Array; outside: Uint8Array } {
  const x = activationTensor("x", "float32", [length]);
  const q = activationTensor("q", "int8", [length], scale, zeroPoint);
  const y = activationTensor("y", "int8", [length], scale, zeroPoint);
  return {
    inside: pack(graphOf([node("quantize", [x], q, {})])).bytes,
    outside: pack(graphOf([node("reshape", [q], y, {})])).bytes,
  };
}
