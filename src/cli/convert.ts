import type { Command } from "commander";
import type { Rounding } from "../graph/graph.ts";
import { inspectModel } from "../inspect/inspect.ts";
import { usageError } from "./errors.ts";
import { checkOutput, readFile, writeFiles } from "./files.ts";
import { pcmOption, pcmTypeOption, readFrontEnd, takingSamples } from "./front-end.ts";
import type { Io } from "./io.ts";
import { listenOption } from "./listen.ts";
import { type Frontend, makeMetadata } from "./metadata.ts";
import { importSource, packSource } from "./model.ts";
import {
  examples,
  frontendOption,
  inputShapeOption,
  jsonOption,
  labelsOption,
  outputOption,
  roundingOption,
  setOption,
  signatureOption,
  stateOption,
} from "./options.ts";
import { printResult } from "./output.ts";
import { packedSummary, packedText } from "./packed.ts";
import { streamed, streamOption } from "./stream.ts";

interface Options {
  output: string;
  rounding?: Rounding;
  inputShape?: Record<string, number[]>;
  state?: Record<string, string>;
  set?: Record<string, number | number[]>;
  signature?: string;
  labels?: string;
  frontend?: Frontend;
  stream?: number;
  listen?: string;
  pcm?: string;
  pcmType?: "float32" | "int16";
  json?: boolean;
}

export function registerConvert(program: Command, io: Io): void {
  program
    .command("convert")
    .summary("pack a TFLite or ONNX model as it is")
    .description("Pack a TFLite or ONNX model as it is, quantized or not")
    .argument("<model>", "TFLite or ONNX file")
    .addOption(outputOption())
    .addOption(roundingOption())
    .addOption(inputShapeOption())
    .addOption(stateOption())
    .addOption(setOption())
    .addOption(signatureOption())
    .addOption(labelsOption())
    .addOption(frontendOption())
    .addOption(streamOption())
    .addOption(listenOption())
    .addOption(pcmOption())
    .addOption(pcmTypeOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "convert model.tflite -o model.nbl",
        "convert model.onnx -o model.nbl --input-shape audio=1x16000",
        "convert keyword.tflite -o keyword.nbl --stream 2",
        "convert okay_nabu.tflite -o okay_nabu.nbl --pcm micro-wake-word --pcm-type int16",
      ),
    )
    .action((file: string, options: Options) => convert(file, options, io));
}

function convert(file: string, options: Options, io: Io): void {
  const { output, rounding, inputShape, state, labels, frontend, json = false } = options;
  checkOutput(output, [file]);
  const frontEnd = options.pcm === undefined ? undefined : readFrontEnd(options.pcm);
  if (frontEnd && frontend)
    throw usageError("option '--pcm' puts the front end into the model; leave '--frontend' out");
  const source = { file, bytes: readFile(file) };
  const graph = importSource(source, {
    ...(rounding && { rounding }),
    ...(inputShape && { inputShapes: inputShape }),
    ...(state && { states: state }),
    ...(options.set && { inputValues: options.set }),
    ...(options.signature !== undefined && { signature: options.signature }),
  });
  const metadata = makeMetadata(graph, source, {
    ...(labels && { labels }),
    ...(frontend && { frontend }),
    ...(options.listen !== undefined && { listen: options.listen }),
  });
  const made =
    options.stream === undefined
      ? { graph, metadata, lines: [] }
      : streamed(source, graph, metadata, options.stream);
  const packed = takingSamples(source, made.graph, frontEnd, options);
  const { bytes, model } = packSource(source, packed, { metadata: made.metadata });
  writeFiles([{ path: output, bytes }]);

  const inspection = inspectModel(model, bytes.length);
  const summary = packedSummary(source, output, inspection);
  printResult(io, json, summary, (colors) => {
    const lines = [...packedText(source, output, inspection, colors), ...made.lines];
    const { float32 = 0, int8 = 0 } = inspection.schemes;
    if (float32 > 0)
      lines.push(
        "",
        `${int8 ? `${float32} of its operators have` : "Its weights stay"} float32; \`nibblenet quantize\` makes int8 of a float model.`,
      );
    return lines.join("\n");
  });
}
