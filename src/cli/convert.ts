import type { Command } from "commander";
import { inspectModel } from "../inspect/inspect.ts";
import { checkOutput, readFile, writeFiles } from "./files.ts";
import type { Io } from "./io.ts";
import { packSource } from "./model.ts";
import { examples, jsonOption, outputOption } from "./options.ts";
import { printResult } from "./output.ts";
import { packedSummary, packedText } from "./packed.ts";
import {
  addSourceOptions,
  frontEndOf,
  metadataOf,
  readSource,
  type SourceOptions,
  surrounded,
} from "./source.ts";

interface Options extends SourceOptions {
  output: string;
  json?: boolean;
}

export function registerConvert(program: Command, io: Io): void {
  const command = program
    .command("convert")
    .summary("pack a TFLite or ONNX model as it is")
    .description("Pack a TFLite or ONNX model as it is, quantized or not")
    .argument("<model>", "TFLite or ONNX file")
    .addOption(outputOption());
  addSourceOptions(command)
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
  const { output, json = false } = options;
  checkOutput(output, [file]);
  const frontEnd = frontEndOf(options);
  const source = { file, bytes: readFile(file) };
  const graph = readSource(source, options);
  const made = surrounded(source, graph, metadataOf(source, graph, options), frontEnd, options);
  const { bytes, model } = packSource(source, made.graph, { metadata: made.metadata });
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
