import {
  KR,
  NR,
  OP_CONV_F32,
  OP_CONV_QS8,
  OP_DWCONV_F32,
  OP_DWCONV_QS8,
  OP_GEMM_F32,
  OP_GEMM_QD8,
  OP_GEMM_QS8,
  OP_GEMM_SPARSE_QS8,
  OP_MATMUL_F32,
  ROUNDING_DOUBLE,
  WEIGHTS_F32,
  WEIGHTS_I2,
  WEIGHTS_I8,
} from "../../assembly/codes.ts";
import { REGION_ARENA, REGION_STATE, REGION_WEIGHTS } from "../../assembly/format.ts";
import { M_INDEX_BYTES, M_K, M_N, M_ROUNDING, M_WEIGHT_FORMAT, MM_K } from "../../assembly/records.ts";
import type { FileContents, FileOperator } from "../format/decode.ts";
import { operatorName } from "../format/names.ts";
import { bytesPerElement, type DType, elementCount, type Rounding } from "../graph/graph.ts";
import { createModel, type InspectableModel, type MemoryFigures } from "../runtime/model.ts";
import type { TensorInfo } from "../runtime/tensor.ts";
import { wasm } from "../wasm.ts";

export interface OperatorSummary {
  op: string;
  /** The tensor it writes. */
  output: string;
  dtype: DType;
  shape: number[];
  /** Multiply-adds of one inference. */
  macs: number;
}

export interface TensorSummary {
  name: string;
  dtype: DType;
  shape: number[];
  region: "arena" | "weights" | "state";
  offset: number;
  bytes: number;
  /** 0 where the tensor has no single scale. */
  scale: number;
  zeroPoint: number;
}

/** What a packed model holds; plain JSON. */
export interface Inspection {
  bytes: number;
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  /** Multiply-adds of one inference. */
  macs: number;
  memory: MemoryFigures;
  /** How many operators have weights of each kind. */
  schemes: Record<string, number>;
  /** Of the int8 operators with weights; undefined where there are none. */
  rounding?: Rounding;
  operators: OperatorSummary[];
  tensors: TensorSummary[];
  metadata: unknown;
  report: unknown;
}

const weighted = new Set([OP_GEMM_QS8, OP_CONV_QS8, OP_DWCONV_QS8, OP_GEMM_F32, OP_CONV_F32, OP_DWCONV_F32]);
const schemeNames: Record<number, string> = { [WEIGHTS_I8]: "int8", [WEIGHTS_F32]: "float32" };
const regions: Record<number, TensorSummary["region"]> = {
  [REGION_ARENA]: "arena",
  [REGION_WEIGHTS]: "weights",
  [REGION_STATE]: "state",
};

const hasWeights = ({ code }: FileOperator): boolean => weighted.has(code);

/** Weights that a row of a block-sparse operator multiplies: its index has a count per 8 columns, and a word a block. */
function listedWeights(record: DataView): number {
  const groups = Math.ceil(record.getUint32(M_N, true) / NR);
  return (record.getUint32(M_INDEX_BYTES, true) / 2 - groups) * NR * KR;
}

function macsOf(contents: FileContents, { code, record, output }: FileOperator): number {
  const outputs = elementCount(contents.tensors[output]!.shape);
  if (code === OP_GEMM_SPARSE_QS8) return (outputs / record.getUint32(M_N, true)) * listedWeights(record);
  if (code === OP_MATMUL_F32) return outputs * record.getUint32(MM_K, true);
  return weighted.has(code) || code === OP_GEMM_QD8 ? outputs * record.getUint32(M_K, true) : 0;
}

/** Bytes of weights that an operator reads, scales and bias apart; 0 where it has none. */
export function weightBytesOf(contents: FileContents, { code, record, output }: FileOperator): number {
  if (code === OP_GEMM_SPARSE_QS8) return listedWeights(record);
  if (!weighted.has(code) && code !== OP_GEMM_QD8) return 0;
  const count = record.getUint32(M_K, true) * record.getUint32(M_N, true);
  if (code !== OP_GEMM_QD8) return count * bytesPerElement(contents.tensors[output]!.dtype);
  const format = record.getUint32(M_WEIGHT_FORMAT, true);
  return format === WEIGHTS_I8 ? count : format === WEIGHTS_I2 ? count / 4 : count / 2;
}

/** Multiply-adds of one inference, in the operators that have weights and in products of computed matrices. */
export const countMacs = (contents: FileContents): number =>
  contents.operators.reduce((sum, operator) => sum + macsOf(contents, operator), 0);

/**
 * Loads a packed model, which verifies it, and lists what is in it.
 *
 * @throws NibbleError "bad-file" naming what is wrong with the file.
 * @example
 * const { macs, memory, operators } = inspect(readFileSync("model.nbl"), { file: "model.nbl" });
 */
export function inspect(bytes: Uint8Array, options: { file?: string } = {}): Inspection {
  const model = createModel(wasm, bytes, options.file === undefined ? {} : { name: options.file });
  try {
    return inspectModel(model, bytes.length);
  } finally {
    model.dispose();
  }
}

/** As `inspect`, of a model that is loaded; `bytes` is the length of its file. */
export function inspectModel(
  { contents, inputs, outputs, memory }: InspectableModel,
  bytes: number,
): Inspection {
  const withWeights = contents.operators.filter(hasWeights);
  const schemes: Record<string, number> = {};
  for (const { record } of withWeights) {
    const format = record.getUint32(M_WEIGHT_FORMAT, true);
    const name = schemeNames[format] ?? `format ${format}`;
    schemes[name] = (schemes[name] ?? 0) + 1;
  }
  const quantized = withWeights.find(({ record }) => record.getUint32(M_WEIGHT_FORMAT, true) === WEIGHTS_I8);
  return {
    bytes,
    inputs: [...inputs],
    outputs: [...outputs],
    macs: countMacs(contents),
    memory,
    schemes,
    ...(quantized && {
      rounding: quantized.record.getUint32(M_ROUNDING, true) === ROUNDING_DOUBLE ? "double" : "single",
    }),
    operators: contents.operators.map((operator) => {
      const { name, dtype, shape } = contents.tensors[operator.output]!;
      return {
        op: operatorName(operator.code),
        output: name,
        dtype,
        shape,
        macs: macsOf(contents, operator),
      };
    }),
    tensors: contents.tensors.map(({ region, ...tensor }) => ({
      ...tensor,
      region: regions[region] ?? "arena",
    })),
    metadata: contents.metadata ?? null,
    report: contents.report ?? null,
  };
}
