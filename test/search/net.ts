/** A small network whose best schemes are known: one layer needs all its bits, the others have weights of two bits. */

import { type Graph, noActivation, type Tensor } from "../../src/graph/graph.ts";
import type { Sample } from "../../src/samples/sample.ts";
import { parseCandidate, type Unit, unitsOf } from "../../src/search/candidates.ts";
import { layGround, type SearchGround } from "../../src/search/ground.ts";
import { type SearchSettings, search } from "../../src/search/search.ts";
import { emptyState } from "../../src/search/state.ts";
import { openPool } from "../../src/threads/pool.ts";
import { activation, constant, graphOf, operator, random, randomValues } from "../quantize/build.ts";

const width = 64;
/** The layer whose weights are no multiples of anything. */
export const needy = "l2 node";

/** Five dense layers with ReLU between; all weights but those of `needy` are −1, 0 or 1 times a power of two. */
export function net(): Graph {
  const x = activation("x", [1, width]);
  let last: Tensor = x;
  const nodes = Array.from({ length: 5 }, (_, i) => {
    const next = random(10 + i);
    const values = Array.from({ length: width * width }, () =>
      i === 2 ? 0.3 * next() ** 3 : 0.25 * Math.round(0.7 * next()),
    );
    const y = activation(`l${i}`, [1, width]);
    const node = operator(
      "fullyConnected",
      [
        last,
        constant(`w${i}`, [width, width], values),
        constant(`b${i}`, [width], randomValues(width, 90 + i)),
      ],
      y,
      { activation: i < 4 ? { min: 0, max: Infinity } : noActivation },
    );
    last = y;
    return node;
  });
  return graphOf([x], nodes, [last]);
}

const samples = (count: number, isLabelled = false): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `sample ${i}`,
    inputs: [randomValues(width, 500 + i, 2)],
    ...(isLabelled && { label: i % width }),
  }));

export function prepare(names: readonly string[], graph = net()): { ground: SearchGround; units: Unit[] } {
  const ground = layGround(graph, samples(24), undefined, {});
  const candidates = names.map((name) => parseCandidate(name, "rtn"));
  return { ground, units: unitsOf(ground.graph, candidates, {}) };
}

/** A whole search in this thread. */
export async function run(
  prepared: ReturnType<typeof prepare>,
  settings: Pick<SearchSettings, "budget"> & Partial<SearchSettings> & { signal?: AbortSignal },
) {
  const pool = await openPool({ threads: 1, shared: prepared.ground, signal: settings.signal });
  const all = { ...prepared, pool, state: emptyState("test"), keep: () => {}, ...settings };
  return { ...(await search(all)), state: all.state };
}
