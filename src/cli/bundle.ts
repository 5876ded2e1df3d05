import { brotliCompressSync } from "node:zlib";
import { type Command, Option } from "commander";
import { type BundleTier, bundle, bundleTiers } from "../bundle/bundle.ts";
import { bundleScript } from "../bundle/script.ts";
import { fileFormat, formatNames } from "../import/index.ts";
import { NibbleError } from "../runtime/errors.ts";
import { usageError } from "./errors.ts";
import { checkOutput, readFile, writeFiles } from "./files.ts";
import type { Io } from "./io.ts";
import { examples, jsonOption } from "./options.ts";
import { byteSize, fields, printResult } from "./output.ts";

interface Options {
  output: string;
  format: "wasm" | "js";
  tier?: BundleTier;
  json?: boolean;
}

export function registerBundle(program: Command, io: Io): void {
  program
    .command("bundle")
    .summary("make one file of a packed model and its engine")
    .description(
      "Make one file of a packed model and its engine: a .wasm without imports and without the operators that the model does not use, or a script",
    )
    .argument("<model>", "packed file")
    .addOption(new Option("-o, --output <file>", "file to write").makeOptionMandatory())
    .addOption(
      new Option("--format <format>", "wasm: WebAssembly; js: a script for engines without it")
        .choices(["wasm", "js"])
        .default("wasm"),
    )
    .addOption(
      new Option(
        "--tier <tier>",
        "build of the engine in a .wasm: simd (the default), or scalar where there is no SIMD",
      ).choices(bundleTiers),
    )
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "bundle model.nbl -o model.wasm",
        "bundle model.nbl -o model.wasm --tier scalar",
        "bundle model.nbl -o model.js --format js",
      ),
    )
    .action((file: string, options: Options) => run(file, options, io));
}

async function run(file: string, { output, format, tier, json = false }: Options, io: Io): Promise<void> {
  if (format === "js" && tier !== undefined)
    throw usageError("--tier chooses among WebAssembly builds; --format js has one build of its own");
  checkOutput(output, [file]);
  const model = readPacked(file);
  const { bytes, engine, ...details } =
    format === "js" ? scriptBundle(model, file) : await wasmBundle(model, file, tier);
  writeFiles([{ path: output, bytes }]);

  const summary = {
    source: file,
    output,
    format,
    ...details,
    bytes: bytes.length,
    modelBytes: model.length,
    engineBytes: engine.length,
    engineBytesBrotli: brotliCompressSync(engine).length,
  };
  printResult(io, json, summary, ({ bold }) => {
    const [plain, compressed] = [byteSize(summary.engineBytes), byteSize(summary.engineBytesBrotli)];
    return [
      `${bold(output)}  ${byteSize(bytes.length)} (${file}: ${byteSize(model.length)})`,
      ...fields([
        ["  engine", `${details.tier}, ${plain}, ${compressed} with brotli`],
        details.operators !== undefined && ["  operators", details.operators.join(", ")],
        details.memoryBytes !== undefined && ["  memory", byteSize(details.memoryBytes)],
      ]),
    ].join("\n");
  });
}

interface Made {
  bytes: Uint8Array;
  /** The part that is not the model. */
  engine: Uint8Array;
  tier: string;
  operators?: string[];
  memoryBytes?: number;
}

async function wasmBundle(model: Uint8Array, name: string, wanted?: BundleTier): Promise<Made> {
  const made = await bundle(model, { name, ...(wanted && { tier: wanted }) });
  const { bytes, engineBytes, tier, operators, memoryBytes } = made;
  return { bytes, engine: bytes.subarray(0, engineBytes), tier, operators, memoryBytes };
}

const scriptBundle = (model: Uint8Array, file: string): Made => ({
  ...bundleScript(model, file),
  tier: "script",
});

function readPacked(file: string): Uint8Array {
  const bytes = readFile(file);
  const format = fileFormat(bytes, "");
  if (format === undefined || format === "nbl") return bytes;
  const found = `${format === "onnx" ? "an" : "a"} ${formatNames[format]}`;
  const command = format === "onnx" ? "quantize" : "convert";
  throw new NibbleError(
    "bad-file",
    `${file}: expected a packed model (.nbl), found ${found} model; make one with \`nibblenet ${command}\``,
  );
}
