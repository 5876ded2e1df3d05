/** A transposed convolution along one axis, as a plain one over its input with zeros between the elements. */

export interface TransposedAxis {
  input: number;
  kernel: number;
  stride: number;
  dilation: number;
  /** What the declared padding cuts off in front; less than the kernel's reach. */
  before: number;
  /** Of the result. */
  size: number;
}

export interface Dilated {
  kernel: number;
  stride: number;
  dilation: number;
  /** Length of the input with its zeros. */
  spread: number;
  /** Padding of the plain convolution, whose stride is 1. */
  before: number;
  after: number;
  size: number;
}

export function dilatedAxis({ input, kernel, stride, dilation, before, size }: TransposedAxis): Dilated {
  const reach = (kernel - 1) * dilation + 1;
  const spread = (input - 1) * stride + 1;
  const front = reach - 1 - before;
  return {
    kernel,
    stride,
    dilation,
    spread,
    before: front,
    after: Math.max(0, size + reach - 1 - spread - front),
    size,
  };
}
