import { type Graph, type Node, noActivation, type Tensor } from "../../src/graph/graph.ts";
import {
  activationTensor,
  type ConvOptions,
  convGraph,
  depthwiseGraph,
  fullyConnectedGraph,
  graphOf,
  type Kind,
  node,
  type Random,
} from "../helpers/graphs.ts";

/** Window networks layer by layer: time is dimension 1 of [1, T, W, C]. */
export interface Net {
  readonly last: Tensor;
  conv(options: Partial<ConvOptions>): Net;
  depthwise(options: Partial<ConvOptions>): Net;
  /** The last tensor plus another one of its length, or the other's columns from `crop` on. */
  add(other: Tensor, crop?: number): Net;
  pool(kind: "averagePool2d" | "maxPool2d", size: number, stride: number, padding: [number, number]): Net;
  relu(): Net;
  mean(): Net;
  dense(outputs: number): Net;
  graph(): Graph;
}

export function netOf(
  random: Random,
  kind: Kind,
  shape: number[],
  rounding: "single" | "double" = "single",
): Net {
  const nodes: Node[] = [];
  let count = 0;
  let last = activationTensor("x", kind, shape, 0.04, kind === "int8" ? -3 : 0);
  const like = (of: Tensor, changed: number[]): Tensor => ({ ...of, name: `t${count++}`, shape: changed });
  /** Puts a graph of one layer behind the last tensor. */
  const follow = (layer: Graph): void => {
    const [made] = layer.nodes;
    const [, ...constants] = made.inputs;
    const output = { ...made.outputs[0], name: `t${count++}` };
    nodes.push({ ...made, name: output.name, inputs: [last, ...constants], outputs: [output] } as Node);
    last = output;
  };
  const put = (made: Node): void => {
    nodes.push(made);
    [last] = made.outputs;
  };
  const shapeOf = (t: Tensor) => t.shape as [number, number, number, number];
  const net: Net = {
    get last() {
      return last;
    },
    conv(options) {
      follow(convGraph(random, { kind, rounding, input: shapeOf(last), ...options }));
      return net;
    },
    depthwise(options) {
      follow(
        depthwiseGraph(random, { kind, rounding, input: shapeOf(last), outputs: last.shape[3], ...options }),
      );
      return net;
    },
    add(other, crop) {
      const y = like(last, last.shape);
      let b = other;
      if (crop !== undefined) {
        const ours = last;
        b = like(other, ours.shape);
        put(node("slice", [other], b, { begin: [0, crop, 0, 0], stride: [1, 1, 1, 1] }));
        last = ours;
      }
      put(node("add", [last, b], y, { activation: noActivation }));
      return net;
    },
    pool(op, size, stride, [top, bottom]) {
      const [n, t, w, c] = shapeOf(last);
      const y = like(last, [n, Math.floor((t + top + bottom - size) / stride) + 1, w, c]);
      const attributes = {
        kernel: [size, 1] as [number, number],
        stride: [stride, 1] as [number, number],
        padding: { top, bottom, left: 0, right: 0 },
        activation: noActivation,
      };
      put(
        op === "maxPool2d"
          ? node(op, [last], y, attributes)
          : node(op, [last], y, { ...attributes, countIncludePad: false }),
      );
      return net;
    },
    relu() {
      const y = like(last, last.shape);
      put(node("unary", [last], y, { kind: "relu" }));
      return net;
    },
    mean() {
      const y = like(last, [1, last.shape[3]]);
      put(node("mean", [last], y, { axes: [1, 2], keepDims: false }));
      return net;
    },
    dense(outputs) {
      follow(fullyConnectedGraph(random, [1], outputs, last.shape.at(-1)!, { kind, rounding }));
      return net;
    },
    graph: () => graphOf(nodes, rounding, [last]),
  };
  return net;
}
