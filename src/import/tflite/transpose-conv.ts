import type { Padding, Tensor } from "../../graph/graph.ts";
import { type Constant, gather } from "../../graph/passes/constant.ts";
import { type Dilated, dilatedAxis } from "../transposed.ts";
import {
  activationOf,
  checkRank,
  emit,
  type Operator,
  output,
  refused,
  requiredOptions,
  show,
  wrong,
} from "./operator.ts";
import { readInt8 } from "./reader.ts";
import { options, padding as schemes } from "./schema.ts";
import { readOperands } from "./weights.ts";
import { type Pair, readPair } from "./window.ts";

/** [O, KH, KW, I] with both kernel dimensions turned round. */
function turned(weights: Constant, name: string): Constant {
  const [, h, w, channels] = weights.shape;
  const data = gather(weights.data, weights.data.length, (i) => {
    const tap = Math.floor(i / channels);
    const o = Math.floor(tap / (h * w));
    const [p, q] = [Math.floor(tap / w) % h, tap % w];
    return ((o * h + (h - 1 - p)) * w + (w - 1 - q)) * channels + (i % channels);
  });
  return { ...weights, name, data };
}

/** What the padding scheme cuts off in front; the result's size comes from the file and has to agree. */
function place(
  operator: Operator,
  scheme: number,
  input: number,
  size: number,
  kernel: number,
  stride: number,
): Dilated {
  if (scheme !== schemes.same && scheme !== schemes.valid) throw wrong(operator, `padding code ${scheme}`);
  const reached = scheme === schemes.same ? size : size - kernel + 1;
  if (Math.ceil(reached / stride) !== input)
    throw wrong(
      operator,
      `a result of ${size} does not follow from an input of ${input}, a kernel of ${kernel} and a stride of ${stride}`,
    );
  const total = scheme === schemes.same ? Math.max(0, (input - 1) * stride + kernel - size) : 0;
  return dilatedAxis({ input, kernel, stride, dilation: 1, before: Math.floor(total / 2), size });
}

/**
 * Zeros between the input's pixels, then a plain convolution with the kernel turned round: the same sums, hence the
 * same bits, for as much work as that convolution takes.
 */
export function convertTransposeConv(operator: Operator): void {
  const ids = options.transposeConv;
  const [, weightsAt, xAt, biasAt = -1] = operator.record.inputs;
  if (xAt === undefined || xAt < 0) throw wrong(operator, "operand 2 is missing");
  const record = { ...operator.record, inputs: [xAt, weightsAt, biasAt] };
  const { x, weights, bias: given, y } = readOperands({ ...operator, record }, 4, 0);
  const bias = x.dtype === "int16" ? wideBias(operator, given, y.shape[3]) : given;
  checkRank(operator, x, 4);
  checkRank(operator, y, 4);
  const table = requiredOptions(operator, ids.type);
  const stride = readPair(operator, table, "stride", ids.strideH, ids.strideW);
  const activation = activationOf(operator, table, ids.activation);
  const [channels, kernelH, kernelW, inputs] = weights.shape;
  const [batch, height, width, depth] = x.shape;
  if (inputs !== depth) throw wrong(operator, `weights ${show(weights)} do not go with ${show(x)}`);
  if (y.shape[0] !== batch || y.shape[3] !== channels)
    throw wrong(operator, `tensor ${show(y)}: expected [${batch},_,_,${channels}]`);
  const scheme = readInt8(table, ids.padding);
  const rows = place(operator, scheme, height, y.shape[1], kernelH, stride[0]);
  const columns = place(operator, scheme, width, y.shape[2], kernelW, stride[1]);
  if (rows.before < 0 || columns.before < 0)
    throw refused(operator, "padding that cuts off more than the kernel reaches");
  const spread = spreadOut(operator, x, stride, [rows.spread, columns.spread]);
  const padding: Padding = {
    top: rows.before,
    left: columns.before,
    bottom: rows.after,
    right: columns.after,
  };
  const flipped = turned(weights as Constant, operator.tensors.uniqueName(`${weights.name}/turned`));
  emit(operator, "conv2d", [spread, flipped, bias], {
    stride: [1, 1],
    dilation: [1, 1],
    padding,
    groups: 1,
    activation,
  });
}

/** Its sums of int16 are of 64 bits whatever the bias is, which an int64 one says. */
function wideBias(operator: Operator, given: Tensor | null, channels: number): Tensor {
  const values = given ? Array.from(given.data!, BigInt) : new Array<bigint>(channels).fill(0n);
  const name = operator.tensors.uniqueName(`${output(operator).name}/bias`);
  return { name, dtype: "int64", shape: [channels], data: BigInt64Array.from(values) };
}

function spreadOut(operator: Operator, x: Tensor, stride: Pair, [height, width]: Pair): Tensor {
  if (stride[0] * stride[1] === 1) return x;
  const name = operator.tensors.uniqueName(`${x.name}/spread`);
  const spread: Tensor = { ...x, name, shape: [x.shape[0], height, width, x.shape[3]] };
  emit(operator, "dilate", [x], { before: [0, 0, 0, 0], step: [1, ...stride, 1] }, spread);
  return spread;
}
