/** An imported int8 graph as ONNX with the same arithmetic (QLinear operators, uint8 activations), for onnxruntime. */
import { onnxModel } from "../helpers/onnx-builder.ts";

const bytesOf = (data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const isImage = (shape) => shape.length === 4;
const channelsFirst = (shape) => (isImage(shape) ? [shape[0], shape[3], shape[1], shape[2]] : shape);

/** [O, KH, KW, I] or, depthwise, [1, KH, KW, O] → [O, I, KH, KW]. */
function filters({ data, shape }, isDepthwise) {
  const [height, width] = [shape[1], shape[2]];
  const outputs = isDepthwise ? shape[3] : shape[0];
  const inputs = isDepthwise ? 1 : shape[3];
  const to = new Int8Array(data.length);
  let i = 0;
  for (let o = 0; o < outputs; o++)
    for (let c = 0; c < inputs; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const tap = y * width + x;
          to[i++] = data[isDepthwise ? tap * outputs + o : (o * height * width + tap) * inputs + c];
        }
  return { data: to, dims: [outputs, inputs, height, width] };
}

/** @throws Error naming the first operator that has no counterpart here. */
export function toOnnx(graph) {
  const nodes = [];
  const initializers = new Map();
  const names = new Map();
  let made = 0;
  const constant = (name, type, dims, data) => {
    initializers.set(name, { name, type, dims, raw: bytesOf(data) });
    return name;
  };
  const emit = (op, inputs, attributes = {}, domain = "") => {
    const output = `v${made++}`;
    nodes.push({ op, inputs, outputs: [output], attributes, ...(domain && { domain }) });
    return output;
  };
  const contrib = (op, inputs, attributes) => emit(op, inputs, attributes, "com.microsoft");
  const nameOf = (tensor) => names.get(tensor) ?? tensor.name;
  const affine = ({ name, quantization: { scale, zeroPoint } }) => [
    constant(`${name}/scale`, "float", [], Float32Array.of(scale[0])),
    constant(`${name}/zero`, "uint8", [], Uint8Array.of(zeroPoint[0] + 128)),
  ];
  const operand = (tensor) => [nameOf(tensor), ...affine(tensor)];
  const weightsOf = (tensor, outputs, { data, dims }) => {
    const scale = Float32Array.from(
      { length: outputs },
      (_, i) => tensor.quantization.scale.at(i) ?? tensor.quantization.scale[0],
    );
    return [
      constant(tensor.name, "int8", dims, data),
      constant(`${tensor.name}/scale`, "float", [outputs], scale),
      constant(`${tensor.name}/zero`, "int8", [outputs], new Int8Array(outputs)),
    ];
  };
  const clipped = (name, y, { min, max }) => {
    const { scale, zeroPoint } = y.quantization;
    const bound = (v) => Math.min(255, Math.max(0, Math.round(v / scale[0]) + zeroPoint[0] + 128));
    const [low, high] = [bound(min), bound(max)];
    if (low === 0 && high === 255) return name;
    return emit("Clip", [
      name,
      constant(`${y.name}/low`, "uint8", [], Uint8Array.of(low)),
      constant(`${y.name}/high`, "uint8", [], Uint8Array.of(high)),
    ]);
  };
  const rows = (name, shape) => constant(name, "int64", [shape.length], BigInt64Array.from(shape, BigInt));
  const flat = (tensor) => {
    const { shape } = tensor;
    const moves = isImage(shape) && shape[3] > 1 && shape[1] * shape[2] > 1;
    return moves ? emit("Transpose", [nameOf(tensor)], { perm: [0, 2, 3, 1] }) : nameOf(tensor);
  };

  const convert = {
    conv2d: ({ inputs: [x, w, b], outputs: [y], attributes: a }, isDepthwise = false) => {
      const { data, dims } = filters(w, isDepthwise);
      const inputs = [...operand(x), ...weightsOf(w, dims[0], { data, dims }), ...affine(y)];
      if (b) inputs.push(constant(b.name, "int32", b.shape, b.data));
      const { top, left, bottom, right } = a.padding;
      const name = emit("QLinearConv", inputs, {
        kernel_shape: dims.slice(2),
        strides: a.stride,
        pads: [top, left, bottom, right],
        dilations: a.dilation,
        group: isDepthwise ? x.shape[3] : a.groups,
      });
      return clipped(name, y, a.activation);
    },
    depthwiseConv2d: (node) => convert.conv2d(node, true),
    fullyConnected({ inputs: [x, w, b], outputs: [y], attributes: a }) {
      const [n, k] = w.shape;
      const isFlat = x.shape.length === 2;
      const input = isFlat ? nameOf(x) : emit("Reshape", [flat(x), rows(`${y.name}/rows`, [-1, k])]);
      const bias = constant(b?.name ?? `${y.name}/bias`, "int32", [n], b?.data ?? new Int32Array(n));
      const weights = weightsOf(w, n, { data: w.data, dims: [n, k] });
      const name = contrib("QGemm", [input, ...affine(x), ...weights, bias, ...affine(y)], { transB: 1 });
      return clipped(name, y, a.activation);
    },
    add: ({ inputs: [a, b], outputs: [y], attributes }) =>
      clipped(contrib("QLinearAdd", [...operand(a), ...operand(b), ...affine(y)]), y, attributes.activation),
    averagePool2d({ inputs: [x], outputs: [y], attributes: { kernel, stride, padding } }) {
      const inputs = [...operand(x), ...affine(y)];
      if (kernel[0] === x.shape[1] && kernel[1] === x.shape[2])
        return contrib("QLinearGlobalAveragePool", inputs, { channels_last: 0 });
      const pads = [padding.top, padding.left, padding.bottom, padding.right];
      return contrib("QLinearAveragePool", inputs, { kernel_shape: kernel, strides: stride, pads });
    },
    mean: ({ inputs: [x], outputs: [y] }) =>
      contrib("QLinearGlobalAveragePool", [...operand(x), ...affine(y)], { channels_last: 0 }),
    softmax: ({ inputs: [x], outputs: [y] }) =>
      contrib("QLinearSoftmax", [...operand(x), ...affine(y)], { axis: -1, opset: 13 }),
    reshape: ({ inputs: [x], outputs: [y] }) =>
      emit("Reshape", [flat(x), rows(`${y.name}/shape`, channelsFirst(y.shape))]),
    pad({ inputs: [x], outputs: [y], attributes: { before, after } }) {
      const pads = [...channelsFirst(before), ...channelsFirst(after)];
      return emit("Pad", [nameOf(x), rows(`${y.name}/pads`, pads), affine(x)[1]], { mode: "constant" });
    },
    /** What turns a channels-first input of the file into channels-last has nothing to do here. */
    transpose({ inputs: [x], outputs: [y], attributes: { perm } }) {
      if (perm.join() !== "0,2,3,1" || x.data) throw new Error(`no ONNX for transpose ${perm} of ${y.name}`);
      return nameOf(x);
    },
  };

  const [input] = graph.inputs;
  const [output] = graph.outputs;
  const isTransposed = graph.nodes.some(({ op, inputs }) => op === "transpose" && inputs[0] === input);
  const shape = isTransposed ? input.shape : channelsFirst(input.shape);
  for (const node of graph.nodes) {
    if (!convert[node.op]) throw new Error(`no ONNX for ${node.op} (${node.name})`);
    names.set(node.outputs[0], convert[node.op](node));
  }
  const bytes = onnxModel({
    nodes,
    inputs: [{ name: input.name, type: "uint8", shape }],
    outputs: [{ name: nameOf(output), type: "uint8", shape: channelsFirst(output.shape) }],
    initializers: [...initializers.values()],
    opset: 17,
    domains: { "com.microsoft": 1 },
  });
  return { bytes, input: { dtype: "uint8", shape } };
}
