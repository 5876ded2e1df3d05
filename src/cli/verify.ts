import type { Command } from "commander";
import { VERSION } from "../../assembly/format.ts";
import { fileFormat, formatNames } from "../import/index.ts";
import { NibbleError } from "../runtime/errors.ts";
import { createModel } from "../runtime/model.ts";
import { wasm } from "../wasm.ts";
import { readFile } from "./files.ts";
import type { Io } from "./io.ts";
import { examples, jsonOption } from "./options.ts";
import { byteSize, printResult } from "./output.ts";

export function registerVerify(program: Command, io: Io): void {
  program
    .command("verify")
    .summary("check a packed model")
    .description("Check a packed model as the engine does at load; exit code 0 when it is sound, else 1")
    .argument("<model>", "packed file")
    .addOption(jsonOption())
    .addHelpText("after", examples("verify model.nbl"))
    .action((file: string, options: { json?: boolean }) => verify(file, options.json ?? false, io));
}

function verify(file: string, json: boolean, io: Io): void {
  const bytes = readFile(file);
  const format = fileFormat(bytes, "");
  if (format !== undefined && format !== "nbl")
    throw new NibbleError(
      "bad-file",
      `${file}: expected a packed model (.nbl), found ${format === "onnx" ? "an" : "a"} ${formatNames[format]} model; make one with \`nibblenet convert\``,
    );
  const { contents } = createModel(wasm, bytes, { name: file });
  const [operators, tensors] = [contents.operators.length, contents.tensors.length];
  printResult(
    io,
    json,
    { file, ok: true, bytes: bytes.length, formatVersion: VERSION, operators, tensors },
    () =>
      `${file}: sound (format ${VERSION}, ${byteSize(bytes.length)}, ${operators} operators, ${tensors} tensors)`,
  );
}
