import { CHECKSUM_FROM, H_CHECKSUM } from "../../assembly/format.ts";
import { M_REQUANT } from "../../assembly/records.ts";
import { checksum } from "../../src/format/checksum.ts";
import { decode } from "../../src/format/decode.ts";
import {
  type Graph,
  type Node,
  noActivation,
  type Quantization,
  type Tensor,
} from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import type { Tier } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";
import { type CmsisLayer, cmsisGeometry, loadCmsisNetwork } from "../helpers/cmsis.ts";

const one = (scale: number, zeroPoint: number): Quantization => ({
  scale: Float32Array.of(scale),
  zeroPoint: Int32Array.of(zeroPoint),
  axis: 0,
});

const activation = (name: string, shape: number[], quantization: Quantization): Tensor => ({
  name,
  dtype: "int8",
  shape,
  quantization,
});

function graphOf(x: Tensor, y: Tensor, node: Node): Graph {
  return { name: node.name, nodes: [node], inputs: [x], outputs: [y], rounding: "double" };
}

function runGraph(graph: Graph, x: Int8Array, tier: Tier, patch?: (file: Uint8Array) => void): Int8Array {
  const { bytes } = pack(graph, { narrow: false });
  patch?.(bytes);
  const model = createModel(wasm, bytes, { tier });
  (model.input() as Int8Array).set(x);
  model.invoke();
  return (model.output() as Int8Array).slice();
}

/** The vectors state multipliers of 31 bits, which no float32 scale gives: they are written over the packed ones. */
function setMultipliers(file: Uint8Array, multipliers: number[], shifts: number[], outputs: number): void {
  const [{ record }] = decode(file).operators;
  const view = new DataView(file.buffer, file.byteOffset);
  const at = decode(file).weightsOffset + record.getUint32(M_REQUANT, true);
  const columns = Math.ceil(outputs / 8) * 8;
  for (let c = 0; c < outputs; c++) {
    const i = multipliers.length === 1 ? 0 : c;
    view.setInt32(at + 4 * c, multipliers[i], true);
    view.setInt32(at + 4 * (columns + c), shifts[i], true);
  }
  view.setUint32(H_CHECKSUM, checksum(file, CHECKSUM_FROM), true);
}

/** The bound in real units that becomes `q` again, scale 1. */
const bounds = (range: { min: number; max: number }, zeroPoint: number) => ({
  min: range.min - zeroPoint,
  max: range.max - zeroPoint,
});

/** One operator in `double` rounding, with the very multipliers of the case. */
export function runLayer(layer: CmsisLayer, x: Int8Array, tier: Tier): Int8Array {
  const g = cmsisGeometry(layer, x.length);
  const weightShape = g.dense
    ? [g.outputs, g.perGroup]
    : g.depthwise
      ? [1, ...g.kernel, g.outputs]
      : [g.outputs, ...g.kernel, g.perGroup];
  const weights: Tensor = {
    name: "w",
    dtype: "int8",
    shape: weightShape,
    quantization: one(2 ** -8, 0),
    data: g.weights,
  };
  const bias: Tensor | null = g.bias && { name: "b", dtype: "int32", shape: [g.outputs], data: g.bias };
  const input = activation("x", g.inputShape, one(1, g.inputZeroPoint));
  const output = activation("y", g.outputShape, one(1, g.outputZeroPoint));
  const window = {
    stride: g.stride,
    dilation: g.dilation,
    padding: g.padding,
    activation: bounds(g.range, g.outputZeroPoint),
  };
  const common = { name: layer.op, inputs: [input, weights, bias], outputs: [output] };
  const node: Node = g.dense
    ? { ...common, op: "fullyConnected", attributes: { activation: window.activation } }
    : g.depthwise
      ? { ...common, op: "depthwiseConv2d", attributes: { ...window, multiplier: 1 } }
      : { ...common, op: "conv2d", attributes: { ...window, groups: 1 } };
  return runGraph(graphOf(input, output, node), x, tier, (file) =>
    setMultipliers(file, g.multipliers, g.shifts, g.outputs),
  );
}

/** The network of the vectors from its input to its softmax, layer by layer. */
export function runNetwork(tier: Tier): Int8Array {
  const { input, layers } = loadCmsisNetwork();
  let x: Int8Array = Int8Array.from(input.values);
  for (const { op, config, ...tensors } of layers) {
    if (op === "average_pool_2d") {
      const channels = config.IN_CH;
      const q = one(1, 0);
      const [from, to] = [
        activation("x", [1, x.length / channels, 1, channels], q),
        activation("y", [1, 1, 1, channels], q),
      ];
      x = runGraph(
        graphOf(from, to, {
          op: "averagePool2d",
          name: op,
          inputs: [from],
          outputs: [to],
          attributes: {
            kernel: [x.length / channels, 1],
            stride: [1, 1],
            padding: { top: 0, left: 0, bottom: 0, right: 0 },
            activation: noActivation,
            countIncludePad: false,
          },
        }),
        x,
        tier,
      );
    } else if (op === "softmax") {
      // The network gives the multiplier and shift of scale · 2^26 instead of the scale.
      const scale = (config.MULT / 2 ** 31) * 2 ** (config.SHIFT - 26);
      const [from, to] = [
        activation("x", [1, x.length], one(scale, 0)),
        activation("y", [1, x.length], one(1 / 256, -128)),
      ];
      const node: Node = { op: "softmax", name: op, inputs: [from], outputs: [to], attributes: { beta: 1 } };
      x = runGraph(graphOf(from, to, node), x, tier);
    } else x = runLayer({ op, config, tensors }, x, tier);
  }
  return x;
}
