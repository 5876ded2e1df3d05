import type { Command } from "commander";
import { openPool } from "../threads/pool.ts";
import { checkOutput, readFile, writeFiles } from "./files.ts";
import { interruptible, untilInterrupted } from "./interrupt.ts";
import type { Io } from "./io.ts";
import { examples, jsonOption, outputOption } from "./options.ts";
import { printResult } from "./output.ts";
import { packedSummary, packedText } from "./packed.ts";
import { addSourceOptions, frontEndOf, type SourceOptions } from "./source.ts";

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

async function convert(file: string, options: Options, io: Io): Promise<void> {
  const { output, json = false } = options;
  checkOutput(output, [file]);
  const frontEnd = frontEndOf(options);
  const source = { file, bytes: readFile(file) };
  const { inspection, lines } = await interruptible(io, async (signal) => {
    const pool = await openPool({ threads: 1, signal });
    const made = await pool.run("convert", { source, frontEnd, options }).finally(pool.close);
    await untilInterrupted(signal);
    writeFiles([{ path: output, bytes: made.bytes }]);
    return made;
  });
  const summary = packedSummary(source, output, inspection);
  printResult(io, json, summary, (colors) => {
    const text = [...packedText(source, output, inspection, colors), ...lines];
    const { float32 = 0, int8 = 0 } = inspection.schemes;
    if (float32 > 0)
      text.push(
        "",
        `${int8 ? `${float32} of its operators have` : "Its weights stay"} float32; \`nibblenet quantize\` makes int8 of a float model.`,
      );
    return text.join("\n");
  });
}
