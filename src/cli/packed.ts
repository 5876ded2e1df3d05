import type { Inspection } from "../inspect/inspect.ts";
import type { TensorInfo } from "../runtime/tensor.ts";
import type { Source } from "./model.ts";
import { byteSize, fields, quantity, real, shapeText } from "./output.ts";

interface Bold {
  bold(text: string): string;
}

/** The JSON of a packed file that was just written. */
export const packedSummary = ({ file, bytes }: Source, output: string, inspection: Inspection) => ({
  source: file,
  sourceBytes: bytes.length,
  output,
  bytes: inspection.bytes,
  macs: inspection.macs,
  operators: inspection.operators.length,
  schemes: inspection.schemes,
  ...(inspection.rounding && { rounding: inspection.rounding }),
  memory: inspection.memory,
  inputs: inspection.inputs,
  outputs: inspection.outputs,
  metadata: inspection.metadata,
});

/** The same for people. */
export const packedText = (
  source: Source,
  output: string,
  inspection: Inspection,
  { bold }: Bold,
): string[] => [
  `${bold(output)}  ${byteSize(inspection.bytes)} (${source.file}: ${byteSize(source.bytes.length)})`,
  ...modelLines(inspection),
];

/** What every command says of a model. */
export function modelLines({
  inputs,
  outputs,
  operators,
  macs,
  schemes,
  rounding,
  memory,
}: Inspection): string[] {
  const kinds = Object.entries(schemes).map(([name, count]) => `${name} × ${count}`);
  return fields([
    ...inputs.map((input) => ["  input", tensorText(input)] as const),
    ...outputs.map((output) => ["  output", tensorText(output)] as const),
    ["  operators", `${operators.length}, ${quantity(macs)} multiply-adds`],
    kinds.length > 0 && ["  weights", kinds.join(", ") + (rounding ? `, ${rounding} rounding` : "")],
    [
      "  memory",
      `${byteSize(memory.total)}: weights ${byteSize(memory.weights)}, arena ${byteSize(memory.arena)}` +
        (memory.state ? `, state ${byteSize(memory.state)}` : ""),
    ],
  ]);
}

const tensorText = ({ name, dtype, shape, scale, zeroPoint }: TensorInfo): string =>
  `${name}  ${dtype} ${shapeText(shape)}${scale ? `  scale ${real(scale)}, zero point ${zeroPoint}` : ""}`;
