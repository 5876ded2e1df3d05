import type { Quantization } from "../../graph/graph.ts";
import { badFile, quote, unsupported } from "./errors.ts";
import type { TensorRecord } from "./model.ts";
import { readFloat32s, readInt32, readInt64s } from "./reader.ts";
import { fields } from "./schema.ts";

const zeroPointRange: Record<string, [number, number]> = {
  int4: [-8, 7],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};

/**
 * The scales and zero points of an integer tensor, checked; undefined where the file gives none.
 * @throws NibbleError where counts, values or the dimension contradict the tensor
 */
export function readQuantization(record: TensorRecord): Quantization | undefined {
  const { quantization: table, shape } = record;
  const where = `tensor ${quote(record.name)}`;
  // Scales by block are for the one operator that takes them.
  if (!table || record.quantizationDetails === "blockwise") return undefined;
  if (record.quantizationDetails !== "none") {
    throw unsupported(`${where}: ${record.quantizationDetails} quantization; use per-tensor or per-channel`);
  }
  const scale = Float32Array.from(readFloat32s(table, fields.quantization.scale));
  if (scale.length === 0) return undefined;
  const wrong = scale.find((s) => !(s > 0 && s < Infinity));
  if (wrong !== undefined) throw badFile(`${where}: scale expected finite and above 0, found ${wrong}`);

  // A missing list of zero points means that all are 0.
  const listed = readInt64s(table, fields.quantization.zeroPoint);
  const zeroPoints = listed.length === 0 ? new Array<number>(scale.length).fill(0) : listed;
  if (zeroPoints.length !== scale.length) {
    throw badFile(`${where}: ${scale.length} scales, but ${zeroPoints.length} zero points`);
  }
  const [low, high] = zeroPointRange[record.type];
  const outside = zeroPoints.find((z) => z < low || z > high);
  if (outside !== undefined) {
    throw badFile(
      `${where}: zero point expected within ${low} to ${high} (${record.type}), found ${outside}`,
    );
  }
  const zeroPoint = Int32Array.from(zeroPoints);
  if (scale.length === 1) return { scale, zeroPoint, axis: 0 };

  // Some converters give biases, which have one dimension, the number of the weights' dimension.
  const axis = shape.length === 1 ? 0 : readInt32(table, fields.quantization.dimension);
  if (axis < 0 || axis >= shape.length || shape[axis] !== scale.length) {
    throw badFile(
      `${where}: ${scale.length} scales along dimension ${axis} do not match the shape [${shape.join()}]`,
    );
  }
  return { scale, zeroPoint, axis };
}
