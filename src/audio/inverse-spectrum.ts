/** The way back from bins to samples, of operators that there are: the Hartley transform is its own inverse. */

import { type Node, noActivation, type Tensor } from "../graph/graph.ts";
import { makeNode } from "../graph/passes/rewrite.ts";

/**
 * Re − Im of each bin, then Re + Im of those between the first and the last, from behind: `pairs` [1, bins, 2] of a real signal's
 * transform → its Hartley transform [1, 2 · (bins − 1)].
 */
function hartley(nodes: Node[], pairs: Tensor, name: string): Tensor {
  const bins = pairs.shape[1];
  const size = 2 * (bins - 1);
  const float = (suffix: string, shape: number[]): Tensor => ({
    name: `${name}/${suffix}`,
    dtype: "float32",
    shape,
  });
  const [re, im] = [float("re", [1, bins, 1]), float("im", [1, bins, 1])];
  const [low, sum] = [float("low", [1, bins, 1]), float("sum", [1, bins, 1])];
  const high = float("high", [1, size - bins, 1]);
  const both = float("both", [1, size, 1]);
  const y = float("hartley", [1, size]);
  const attributes = { activation: noActivation };
  nodes.push(
    makeNode("slice", re.name, [pairs], re, { begin: [0, 0, 0], stride: [1, 1, 1] }),
    makeNode("slice", im.name, [pairs], im, { begin: [0, 0, 1], stride: [1, 1, 1] }),
    makeNode("sub", low.name, [re, im], low, attributes),
    makeNode("add", sum.name, [re, im], sum, attributes),
    makeNode("slice", high.name, [sum], high, { begin: [0, bins - 2, 0], stride: [1, -1, 1] }),
    makeNode("concat", both.name, [low, high], both, { axis: 1, activation: noActivation }),
    makeNode("reshape", y.name, [both], y, {}),
  );
  return y;
}

/**
 * Appends what turns bins 0 … N / 2 of a real signal, `pairs` [1, N / 2 + 1, 2], into its N samples, [1, N]; N is a
 * power of two. The imaginary parts of the first and the last bin have to be 0.
 */
export function inverseSpectrum(nodes: Node[], pairs: Tensor, name: string): Tensor {
  const bins = pairs.shape[1];
  const size = 2 * (bins - 1);
  const forward = hartley(nodes, pairs, `${name}/bins`);
  const window: Tensor = {
    name: `${name}/window`,
    dtype: "float32",
    shape: [size],
    data: new Float32Array(size).fill(1 / size),
  };
  const again: Tensor = { name: `${name}/spectrum`, dtype: "float32", shape: [1, 1, bins, 2] };
  const flat: Tensor = { ...again, name: `${name}/pairs`, shape: [1, bins, 2] };
  nodes.push(
    makeNode("spectrum", again.name, [forward, window], again, { kind: "complex", size, hop: size }),
    makeNode("reshape", flat.name, [again], flat, {}),
  );
  return hartley(nodes, flat, `${name}/samples`);
}
