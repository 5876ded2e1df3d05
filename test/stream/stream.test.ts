import { describe, expect, it } from "vitest";
import { streamWindows } from "../../src/stream/index.ts";
import { randomFrom, unpadded } from "../helpers/graphs.ts";
import { expectSame, randomFrames } from "./compare.ts";
import { type Net, netOf } from "./nets.ts";

const kinds = ["int8", "uint8", "float32"] as const;
const tall = (k: number): [number, number] => [k, 1];
const both = (top: number, bottom = top) => ({ ...unpadded, top, bottom });

/** Layers that a window network is made of, each with its arithmetic and its way along time. */
const layers: [name: string, hop: number, build: (net: Net) => Net][] = [
  ["a convolution without padding", 1, (n) => n.conv({ kernel: tall(5) })],
  ["padding at both ends", 1, (n) => n.conv({ kernel: tall(5), padding: both(2) })],
  ["padding at the begin alone", 1, (n) => n.conv({ kernel: tall(3), padding: both(2, 0) })],
  ["padding at the end alone", 1, (n) => n.conv({ kernel: tall(3), padding: both(0, 2) })],
  [
    "two padded layers",
    2,
    (n) => n.conv({ kernel: tall(3), padding: both(1) }).conv({ kernel: tall(3), padding: both(1) }),
  ],
  ["a stride", 2, (n) => n.conv({ kernel: tall(4), stride: [2, 1] })],
  [
    "a stride with padding",
    4,
    (n) =>
      n
        .conv({ kernel: tall(5), stride: [2, 1], padding: both(2) })
        .conv({ kernel: tall(3), stride: [2, 1], padding: both(0, 1) }),
  ],
  ["a stride longer than its kernel", 3, (n) => n.conv({ kernel: tall(1), stride: [3, 1] })],
  ["a dilation", 1, (n) => n.conv({ kernel: tall(3), dilation: [4, 1] })],
  ["a dilation with padding", 2, (n) => n.depthwise({ kernel: tall(3), dilation: [3, 1], padding: both(3) })],
  [
    "depthwise layers",
    1,
    (n) =>
      n
        .depthwise({ kernel: tall(5) })
        .conv({ kernel: [1, 1] })
        .depthwise({ kernel: tall(3) }),
  ],
  [
    "a kernel over two dimensions",
    1,
    (n) => n.conv({ kernel: [3, 3], padding: { top: 1, bottom: 1, left: 1, right: 1 } }),
  ],
  [
    "a window's mean",
    1,
    (n) =>
      n
        .conv({ kernel: tall(3) })
        .mean()
        .dense(5),
  ],
  [
    "the same after padding",
    2,
    (n) =>
      n
        .conv({ kernel: tall(3), padding: both(1) })
        .mean()
        .dense(5),
  ],
  ["maxima", 2, (n) => n.pool("maxPool2d", 3, 2, [0, 0]).conv({ kernel: tall(3) })],
  ["maxima with padding", 2, (n) => n.pool("maxPool2d", 3, 2, [1, 1]).conv({ kernel: tall(3) })],
  ["averages that leave padding out", 1, (n) => n.pool("averagePool2d", 4, 1, [2, 1]).relu()],
  [
    "a residual layer",
    1,
    (n) => {
      const x = n.conv({ kernel: tall(3) }).last;
      return n.conv({ kernel: tall(3), padding: both(1) }).add(x);
    },
  ],
  [
    "a residual layer around one that is shorter",
    1,
    (n) => {
      const x = n.conv({ kernel: tall(1) }).last;
      return n
        .conv({ kernel: tall(5) })
        .add(x, 2)
        .mean()
        .dense(3);
    },
  ],
];

describe("a stream gives the bits of the whole window", () => {
  for (const kind of kinds)
    it.each(layers)(`${kind}: %s`, (_, hop, build) => {
      const random = randomFrom(hop + 11);
      const graph = build(netOf(random, kind, [1, 24, 3, 8])).graph();
      const frames = randomFrames(random, graph, 24 + 120 * hop);
      const { windows } = expectSame(graph, hop, frames);
      expect(windows).toBeGreaterThan(100);
    });

  it("in random networks, over hundreds of steps", () => {
    let total = 0;
    let kept = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const kind = random.pick(kinds);
      const rounding = random.pick(["single", "double"] as const);
      const net = netOf(
        random,
        kind,
        [1, random.int(30, 60), random.int(1, 3), 4],
        kind === "float32" ? "single" : rounding,
      );
      let pace = 1;
      for (let layer = random.int(2, 5); layer > 0; layer--) pace *= addLayer(random, net);
      if (random.int(0, 1)) net.mean().dense(random.int(1, 6));
      const graph = net.graph();
      const hop = pace * random.int(1, 2);
      const frames = randomFrames(random, graph, graph.inputs[0].shape[1] + 100 * hop);
      try {
        const { windows, stream } = expectSame(graph, hop, frames);
        total += windows;
        if (stream.graph.states?.length) kept++;
      } catch (error) {
        // Small windows under much padding.
        if ((error as { code?: string }).code !== "unsupported") throw error;
      }
    }
    expect(kept).toBeGreaterThan(30);
    expect(total).toBeGreaterThan(3000);
  });
});

/** Answers its stride. */
function addLayer(random: ReturnType<typeof randomFrom>, net: Net): number {
  const span = random.pick([1, 2, 3, 5]);
  const dilation = random.pick([1, 1, 2]);
  const reach = (span - 1) * dilation;
  const padding = random.pick([unpadded, unpadded, both(reach >> 1, reach - (reach >> 1)), both(reach, 0)]);
  const room = net.last.shape[1] - reach;
  if (room < 8) return 1;
  const stride = random.pick([1, 1, 2]);
  const options = { kernel: tall(span), dilation: tall(dilation), stride: tall(stride), padding };
  switch (random.int(0, 3)) {
    case 0:
      net.depthwise(options);
      return stride;
    case 1: {
      const before = net.last;
      net.depthwise({ ...options, stride: [1, 1] });
      const shorter = before.shape[1] - net.last.shape[1];
      if (shorter === 0) net.add(before);
      else net.add(before, random.int(0, shorter));
      return 1;
    }
    case 2:
      net.pool(
        random.pick(["averagePool2d", "maxPool2d"]),
        2,
        stride,
        random.pick([
          [0, 0],
          [1, 0],
        ]),
      );
      return stride;
    default:
      net.conv({ ...options, outputs: random.pick([4, 8]) });
      return stride;
  }
}

describe("what cannot be streamed is refused by name", () => {
  const net = (): Net => netOf(randomFrom(5), "int8", [1, 20, 1, 4]);
  it("steps that the first stride does not divide", () => {
    const graph = net()
      .conv({ kernel: tall(3), stride: [2, 1] })
      .graph();
    expect(() => streamWindows(graph, { hop: 1 })).toThrow(
      /operator "t0": its stride 2 does not divide the 1 columns/,
    );
  });
  it("padding that reaches everything", () => {
    const graph = net()
      .conv({ kernel: tall(21), padding: both(10) })
      .graph();
    expect(() => streamWindows(graph, { hop: 1 })).toThrow(/padding at the window's ends reaches too many/);
  });
  it("a step of no columns or of all", () => {
    const graph = net()
      .conv({ kernel: tall(3) })
      .graph();
    expect(() => streamWindows(graph, { hop: 0 })).toThrow(
      /expected a step of 1 … 19 along dimension 1, got 0/,
    );
    expect(() => streamWindows(graph, { hop: 20 })).toThrow(/got 20/);
  });
  it("models that keep a state already", () => {
    const { graph } = streamWindows(
      net()
        .conv({ kernel: tall(3) })
        .graph(),
      { hop: 2 },
    );
    expect(() => streamWindows(graph, { hop: 1 })).toThrow(
      /keeps "x\/kept" from one inference to the next already/,
    );
  });
});

it("says which operators run on whole windows", () => {
  const graph = netOf(randomFrom(3), "int8", [1, 20, 1, 4])
    .conv({ kernel: tall(3) })
    .conv({ kernel: tall(3), stride: [2, 1] })
    .conv({ kernel: tall(3) })
    .graph();
  const { whole, warmUp, window } = streamWindows(graph, { hop: 1 });
  expect(whole).toEqual([{ node: "t1", reason: "its stride 2 does not divide the 1 columns of a step" }]);
  expect({ warmUp, window }).toEqual({ warmUp: 19, window: 20 });
});
