import { brotliCompressSync } from "node:zlib";
import { type Command, Option } from "commander";
import { type BundleTier, bundle, bundleTiers } from "../bundle/bundle.ts";
import { fileFormat } from "../import/index.ts";
import { NibbleError } from "../runtime/errors.ts";
import { checkOutput, readFile, writeFiles } from "./files.ts";
import type { Io } from "./io.ts";
import { examples, jsonOption } from "./options.ts";
import { byteSize, fields, printResult } from "./output.ts";

interface Options {
  output: string;
  tier: BundleTier;
  json?: boolean;
}

export function registerBundle(program: Command, io: Io): void {
  program
    .command("bundle")
    .summary("make one .wasm of a packed model and its engine")
    .description(
      "Make one .wasm without imports of a packed model and as much of the engine as it uses; for JavaScript engines, other WebAssembly engines, and wasm2c",
    )
    .argument("<model>", "packed file")
    .addOption(new Option("-o, --output <file>", "WebAssembly file to write").makeOptionMandatory())
    .addOption(
      new Option("--tier <tier>", "build of the engine; scalar where there is no SIMD")
        .choices(bundleTiers)
        .default("simd"),
    )
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples("bundle model.nbl -o model.wasm", "bundle model.nbl -o model.wasm --tier scalar"),
    )
    .action((file: string, options: Options) => run(file, options, io));
}

async function run(file: string, { output, tier, json = false }: Options, io: Io): Promise<void> {
  checkOutput(output, [file]);
  const model = readFile(file);
  const format = fileFormat(model, "");
  if (format === "tflite" || format === "onnx")
    throw new NibbleError(
      "bad-file",
      `${file}: expected a packed model (.nbl), found ${format === "onnx" ? "an ONNX" : "a TFLite"} model; make one with \`nibblenet ${format === "onnx" ? "quantize" : "convert"}\``,
    );
  const { bytes, engineBytes, memoryBytes, operators } = await bundle(model, { tier, name: file });
  writeFiles([{ path: output, bytes }]);

  const compressed = brotliCompressSync(bytes.subarray(0, engineBytes)).length;
  const summary = {
    source: file,
    output,
    tier,
    bytes: bytes.length,
    modelBytes: model.length,
    engineBytes,
    engineBytesBrotli: compressed,
    memoryBytes,
    operators,
  };
  printResult(io, json, summary, ({ bold }) =>
    [
      `${bold(output)}  ${byteSize(bytes.length)} (${file}: ${byteSize(model.length)})`,
      ...fields([
        ["  engine", `${tier}, ${byteSize(engineBytes)}, ${byteSize(compressed)} with brotli`],
        ["  operators", operators.join(", ")],
        ["  memory", byteSize(memoryBytes)],
      ]),
    ].join("\n"),
  );
}
