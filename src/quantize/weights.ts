import { elementCount, type Tensor } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { quantizeValue, smallestScale, symmetricScale } from "./affine.ts";
import type { StaticWeights } from "./layers/rewrite.ts";

/** The scale of weights that are zero throughout. */
const zeroWeightsScale = 2 ** -7;

export interface WeightOptions {
  /** Dimension of the weights that numbers the output channels. */
  axis: number;
  /** One scale for the whole tensor instead of one per output channel. */
  perTensor: boolean;
}

/** int8 weights and int32 bias of one operator. */
export interface QuantizedWeights {
  weights: Tensor;
  bias: Tensor | null;
}

/**
 * Symmetric weights on −127…127 and the bias on the accumulator's grid, scale input · scale weights.
 *
 * A channel of zeros takes the largest scale of the others. Where a bias would leave too little of the int32
 * accumulator for the products, its channel's weight scale is raised until it fits.
 *
 * @throws NibbleError "bad-input" for non-finite values, "unsupported" where the products alone overflow.
 */
export function quantizeWeights(
  weights: Tensor,
  bias: Tensor | null,
  inputScale: number,
  options: WeightOptions,
): QuantizedWeights {
  const { axis, perTensor } = options;
  const channels = weights.shape[axis];
  const inner = elementCount(weights.shape.slice(axis + 1));
  const values = floats(weights);
  const biases = bias && floats(bias);
  if (biases && biases.length !== channels) {
    throw new NibbleError(
      "bad-input",
      `tensor "${bias.name}": expected ${channels} values, one per output channel, found ${biases.length}`,
    );
  }
  const channelOf = (i: number) => Math.floor(i / inner) % channels;

  const magnitudes = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    const c = channelOf(i);
    magnitudes[c] = Math.max(magnitudes[c], Math.abs(values[i]));
  }
  const largest = symmetricScale(magnitudes.reduce((a, b) => Math.max(a, b), 0)) || zeroWeightsScale;
  const scales = new Float32Array(channels);
  const limit = biasLimit(weights, values.length / channels);
  for (let c = 0; c < channels; c++) {
    const scale = (!perTensor && symmetricScale(magnitudes[c])) || largest;
    // The margin covers the rounding of the raised scale to float32.
    const needed = (Math.abs(biases?.[c] ?? 0) / (inputScale * limit)) * (1 + 2 ** -20);
    scales[c] = Math.max(scale, needed, smallestScale);
  }
  if (perTensor) scales.fill(scales.reduce((a, b) => Math.max(a, b)));

  const q = new Int8Array(values.length);
  for (let i = 0; i < q.length; i++) {
    // No quotient exceeds 127 by more than the scale's own rounding, so −128 never comes out.
    q[i] = quantizeValue(values[i], { scale: scales[channelOf(i)], zeroPoint: 0 });
  }
  return describe(
    weights,
    bias,
    inputScale,
    { data: q, scale: perTensor ? scales.slice(0, 1) : scales },
    axis,
  );
}

/**
 * Weights whose int8 values are chosen already, with a scale per output channel.
 *
 * @throws NibbleError "unsupported" where a bias leaves too little of the int32 accumulator for the products.
 */
export function chosenWeights(
  weights: Tensor,
  bias: Tensor | null,
  inputScale: number,
  axis: number,
  chosen: StaticWeights,
): QuantizedWeights {
  const limit = biasLimit(weights, chosen.data.length / weights.shape[axis]);
  const large = bias && floats(bias).findIndex((b, c) => Math.abs(b) > limit * inputScale * chosen.scale[c]);
  if (bias && large !== -1)
    throw new NibbleError(
      "unsupported",
      `tensor "${bias.name}": value ${large} is too large beside the scale of its weights; make this layer int8 or float32`,
    );
  return describe(weights, bias, inputScale, chosen, axis);
}

function describe(
  weights: Tensor,
  bias: Tensor | null,
  inputScale: number,
  { data, scale }: StaticWeights,
  axis: number,
): QuantizedWeights {
  const zeroPoint = new Int32Array(scale.length);
  return {
    weights: {
      name: weights.name,
      dtype: "int8",
      shape: [...weights.shape],
      quantization: { scale, zeroPoint, axis: scale.length === 1 ? 0 : axis },
      data,
    },
    bias: bias && {
      name: bias.name,
      dtype: "int32",
      shape: [...bias.shape],
      quantization: { scale: scale.map((s) => inputScale * s), zeroPoint: zeroPoint.slice(), axis: 0 },
      data: Int32Array.from(floats(bias), (value, c) =>
        Math.round(value / (inputScale * (scale[c] ?? scale[0]))),
      ),
    },
  };
}

/** How large |bias| may be beside `terms` products (q − zeroPoint) · w of up to 255 · 127 < 2¹⁵. */
function biasLimit(weights: Tensor, terms: number): number {
  const limit = 2 ** 31 - 1 - terms * 2 ** 15;
  if (limit > 0) return limit;
  throw new NibbleError(
    "unsupported",
    `tensor "${weights.name}": each output sums ${terms} products, int32 is only sure to hold 65535; exclude the operator`,
  );
}

/** @throws NibbleError naming the tensor and the element that is not finite. */
export function floats(tensor: Tensor): Float32Array {
  const values = tensor.data as Float32Array;
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values;
  throw new NibbleError(
    "bad-input",
    `tensor "${tensor.name}": element ${bad} is ${values[bad]}, expected finite values`,
  );
}
