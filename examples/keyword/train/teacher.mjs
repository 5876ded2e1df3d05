// Labels raw clips with the teacher, KWT-1 (Apache-2.0), through LiteRT.js in Node.
//
//   node teacher.mjs CLIPS.s16 LOGITS.f32
//
// CLIPS.s16: int16 little endian, 16000 samples a clip, no header.
// LOGITS.f32: float32 little endian, 12 logits a clip, in the order of labels.txt.
// The model is $NIBBLENET_DATA/models/tflite/kwt1_float.tflite.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const CLIP = 16000;
const CLASSES = 12;
const here = path.dirname(fileURLToPath(import.meta.url));
const data = process.env.NIBBLENET_DATA ?? path.join(here, "../../../../shared/data");

/** KWT-1 begins with _silence_, _unknown_; labels.txt ends with them. The ten words are in one order. */
const column = (ours) => (ours < 10 ? ours + 2 : ours - 10);

/** LiteRT.js expects a classic worker: give Node the few globals it looks for. */
async function loadLiteRt() {
  const wasm = path.join(here, "node_modules/@litertjs/core/wasm");
  const script = path.join(wasm, "litert_wasm_compat_internal.js");
  globalThis.self = globalThis;
  globalThis.require = createRequire(import.meta.url);
  globalThis.__filename = script;
  globalThis.__dirname = wasm;
  globalThis.GPUBuffer ??= class {};
  globalThis.location ??= {
    href: `file://${wasm}/`,
    toString() {
      return this.href;
    },
  };
  globalThis.importScripts = (file) => vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
  globalThis.Module = {
    wasmBinary: fs.readFileSync(script.replace(/js$/, "wasm")),
    locateFile: (file) => path.join(wasm, file),
    print() {},
    printErr() {},
  };
  const litert = await import("@litertjs/core");
  await litert.loadLiteRt(script);
  return litert;
}

const [source, target] = process.argv.slice(2);
const { loadAndCompile, Tensor } = await loadLiteRt();
const file = fs.readFileSync(path.join(data, "models/tflite/kwt1_float.tflite"));
const model = await loadAndCompile(file, { accelerator: "wasm" });

const input = fs.openSync(source, "r");
const count = fs.fstatSync(input).size / (2 * CLIP);
const bytes = Buffer.alloc(2 * CLIP);
const samples = new Int16Array(bytes.buffer, bytes.byteOffset, CLIP);
const logits = new Float32Array(CLASSES * count);
for (let i = 0; i < count; i++) {
  fs.readSync(input, bytes, 0, bytes.length, i * bytes.length);
  const tensor = new Tensor(
    Float32Array.from(samples, (v) => v / 32768),
    [1, CLIP],
  );
  const [output] = await model.run([tensor]);
  const row = output.toTypedArray();
  for (let c = 0; c < CLASSES; c++) logits[CLASSES * i + c] = row[column(c)];
  output.delete();
  tensor.delete();
}
fs.writeFileSync(target, new Uint8Array(logits.buffer));
process.exit(0);
