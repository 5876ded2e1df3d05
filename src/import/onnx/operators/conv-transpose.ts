import { noActivation, type Tensor } from "../../../graph/graph.ts";
import { type Constant, gather } from "../../../graph/passes/constant.ts";
import { type Dilated, dilatedAxis } from "../../transposed.ts";
import type { Scope } from "../scope.ts";
import { sharedConstant } from "./operand.ts";
import { channelVector } from "./spatial.ts";
import { extents, fromNhwc, spatialOf, toNhwc } from "./window.ts";

/** Pads and sizes along each spatial axis. */
function placeAxes(scope: Scope, spatial: number[], kernel: number[]): Dilated[] {
  const rank = spatial.length;
  const stride = extents(scope, "strides", rank, 1, 1);
  const dilation = extents(scope, "dilations", rank, 1, 1);
  const pads = extents(scope, "pads", 2 * rank, 0, 0);
  const extra = extents(scope, "output_padding", rank, 0, 0);
  const sizes = scope.intsAttribute("output_shape");
  if (sizes && sizes.length > 0 && sizes.length < rank)
    throw scope.bad(`expected ${rank} values of output_shape, found ${sizes.length}`);
  const auto = scope.stringAttribute("auto_pad", "NOTSET");
  return spatial.map((input, i) => {
    const reach = (kernel[i] - 1) * dilation[i] + 1;
    const full = (input - 1) * stride[i] + reach + extra[i];
    let before = pads[i];
    let size = full - pads[i] - pads[rank + i];
    const isSame = auto === "SAME_UPPER" || auto === "SAME_LOWER";
    if (isSame || (sizes && sizes.length > 0)) {
      size = sizes && sizes.length > 0 ? sizes.slice(-rank)[i] : input * stride[i];
      const total = Math.max(0, full - size);
      before = auto === "SAME_UPPER" ? Math.floor(total / 2) : total - Math.floor(total / 2);
    } else if (auto === "VALID") {
      before = 0;
      size = full;
    }
    if (!(size >= 1)) throw scope.bad(`expected a result of at least 1, found ${size}`);
    if (before >= reach)
      throw scope.unsupported(`pads ${before} that cut off more than the kernel's ${reach}`);
    return dilatedAxis({ input, kernel: kernel[i], stride: stride[i], dilation: dilation[i], before, size });
  });
}

/** [C, O / groups, KH, KW] → [O, KH, KW, C / groups], both kernel dimensions turned round. */
function turnedWeights(scope: Scope, weights: Constant, groups: number, kernel: [number, number]): Constant {
  const [channels, outputs] = weights.shape;
  const [h, w] = kernel;
  const perGroup = channels / groups;
  const shape = [outputs * groups, h, w, perGroup];
  const data = gather(weights.data, weights.data.length, (i) => {
    const c = i % perGroup;
    const q = Math.floor(i / perGroup) % w;
    const p = Math.floor(i / (perGroup * w)) % h;
    const o = Math.floor(i / (perGroup * w * h));
    const channel = Math.floor(o / outputs) * perGroup + c;
    return ((channel * outputs + (o % outputs)) * h + (h - 1 - p)) * w + (w - 1 - q);
  });
  const turned: Constant = { ...weights, name: scope.nameFor("weights"), shape, data };
  const { quantization } = weights;
  if (quantization && quantization.scale.length > 1) {
    if (quantization.axis !== 1 || groups !== 1)
      throw scope.unsupported("weights quantized along anything but the output channels");
    turned.quantization = { ...quantization, axis: 0 };
  }
  return turned;
}

/**
 * ConvTranspose over one or two dimensions: the input with zeros between its elements, then a plain convolution with
 * the kernel turned round. It costs as much as that convolution.
 */
export function convTranspose(scope: Scope): Tensor {
  const x = scope.float(0);
  const spatial = spatialOf(scope, x);
  const { tensor: weights, use } = sharedConstant(scope, 1, "weights");
  const groups = scope.intAttribute("group", 1);
  const [batch, channels] = x.shape;
  if (
    weights.shape.length !== x.shape.length ||
    !(groups >= 1) ||
    weights.shape[0] !== channels ||
    channels % groups !== 0 ||
    weights.data.length === 0
  )
    throw scope.bad(
      `expected weights [${channels}, O / ${groups}, …] for the operand [${x.shape.join(", ")}], ` +
        `found [${weights.shape.join(", ")}]`,
    );
  const kernel = weights.shape.slice(2);
  const declared = scope.intsAttribute("kernel_shape");
  if (declared && declared.length > 0 && declared.join() !== kernel.join())
    throw scope.bad(`expected kernel_shape [${kernel.join(", ")}], found [${declared.join(", ")}]`);
  const placed = placeAxes(scope, spatial, kernel);
  const idle = dilatedAxis({ input: 1, kernel: 1, stride: 1, dilation: 1, before: 0, size: 1 });
  const [h, w] = placed.length === 1 ? [idle, placed[0]] : placed;
  const outputs = weights.shape[1] * groups;
  const turned = use(turnedWeights(scope, weights, groups, [h.kernel, w.kernel]));
  const image = toNhwc(scope, x);
  const spread =
    h.stride * w.stride === 1
      ? image
      : scope.emit(
          "dilate",
          [image],
          { before: [0, 0, 0, 0], step: [1, h.stride, w.stride, 1] },
          [batch, h.spread, w.spread, channels],
          image,
        );
  const y = scope.emit(
    "conv2d",
    [spread, turned, channelVector(scope, 2, outputs, "bias")],
    {
      stride: [1, 1],
      dilation: [h.dilation, w.dilation],
      padding: { top: h.before, left: w.before, bottom: h.after, right: w.after },
      groups,
      activation: noActivation,
    },
    [batch, h.size, w.size, outputs],
  );
  return fromNhwc(scope, y, x.shape.length);
}
