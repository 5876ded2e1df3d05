/** Cases of products of two computed matrices, sums along axes and resizing. */
import { plainOptions, type TensorSpec } from "../../helpers/tflite-builder.ts";
import { type Add, at, scales, single } from "./case.ts";

const size = (shape: number[]): number => shape.reduce((p, d) => p * d, 1);

const ints = (name: string, ...values: number[]): TensorSpec => ({
  name,
  type: "int32",
  shape: [values.length],
  data: Int32Array.from(values),
});

export function matrixCases(add: Add): void {
  for (const [adjX, adjY] of [
    [false, false],
    [true, false],
    [false, true],
  ])
    add(`BATCH_MATMUL int8 ${adjX ? "aᵀ" : "a"}·${adjY ? "bᵀ" : "b"}`, (draw, name) => {
      const [m, k, n] = [draw.between(20, 40), draw.between(1, 70), draw.between(20, 40)];
      const shapes = [
        [2, 3, ...(adjX ? [k, m] : [m, k])],
        [2, 3, ...(adjY ? [n, k] : [k, n])],
      ];
      const [a, b] = scales(draw, 2).map((s) => s / 20);
      const tensors = [
        at("a", "int8", shapes[0]!, a, draw.value("int8")),
        at("b", "int8", shapes[1]!, b, draw.value("int8")),
        at("y", "int8", [2, 3, m, n], a * b * Math.sqrt(k) * draw.between(50, 200), draw.value("int8")),
      ];
      const options = plainOptions(101, { int8: Number(adjX) }, { int8: Number(adjY) });
      return single(
        name,
        "BATCH_MATMUL",
        options,
        tensors,
        shapes.map((s) => draw.values("int8", size(s))),
      );
    });
  for (const type of ["int8", "uint8"] as const) {
    for (const axes of [[1, 2], [3], [1]])
      add(`SUM ${type} axes ${axes}`, (draw, name) => {
        const shape = [2, draw.between(2, 9), draw.between(2, 9), 300];
        const [x, y] = scales(draw, 2);
        const n = axes.reduce((p, axis) => p * shape[axis]!, 1);
        const kept = shape.map((d, i) => (axes.includes(i) ? 1 : d));
        const tensors = [
          at("x", type, shape, x, draw.value(type)),
          ints("axes", ...axes),
          at("y", type, kept, y * Math.sqrt(n), draw.value(type)),
        ];
        return single(name, "SUM", plainOptions(27, { int8: 1 }), tensors, [draw.values(type, size(shape))]);
      });
    for (const [align, half] of [
      [false, false],
      [true, false],
      [false, true],
    ])
      add(
        `RESIZE_BILINEAR ${type}${align ? " aligned corners" : half ? " half pixels" : ""}`,
        (draw, name) => {
          const [h, w, oh, ow] = [2, 2, 2, 2].map(() => draw.between(2, 13)) as [
            number,
            number,
            number,
            number,
          ];
          const [scale] = scales(draw, 1);
          const zero = draw.value(type);
          const tensors = [
            at("x", type, [2, h, w, 24], scale!, zero),
            ints("size", oh, ow),
            at("y", type, [2, oh, ow, 24], scale!, zero),
          ];
          const options = { type: 15, fields: { 2: { int8: Number(align) }, 3: { int8: Number(half) } } };
          return single(name, "RESIZE_BILINEAR", options, tensors, [draw.values(type, 2 * h * w * 24)]);
        },
      );
  }
}
