/**
 * What is measured in cold.mjs, in Node and in a page: the first inference of a keyword model in a fresh process, from
 * JavaScript imported, and the model's and the runtime's bytes in memory. `host` gives those of the place: `module(name)`
 * imports one, `bytes(name)` reads a file, `litert(build)` imports LiteRT.js and answers it with what starts it, `settle()`, where
 * there is one, waits until the place has come to rest.
 */

async function nibblenet(host, model, input) {
  const { loadModelSync } = await host.module("nibblenet");
  const bytes = await host.bytes(model);
  return async () => {
    const loaded = loadModelSync(bytes);
    const outputs = loaded.run({ [loaded.inputs[0].name]: input });
    return outputs[loaded.outputs[0].name].length;
  };
}

async function litert(host, build) {
  const { litert, start } = await host.litert(build);
  const bytes = await host.bytes("keyword.tflite");
  return async () => {
    await start();
    const model = await litert.loadAndCompile(bytes, { accelerator: "wasm" });
    const [output] = await model.run([new litert.Tensor(new Int8Array(490), [1, 49, 10, 1])]);
    return output.toTypedArray().length;
  };
}

/** A module that exports f, which answers 12. */
const smallest = [
  [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0],
  [7, 5, 1, 1, 0x66, 0, 0, 10, 6, 1, 4, 0, 0x41, 12, 11],
].flat();

export const systems = {
  /** What every system pays for WebAssembly, however little of it. */
  "the smallest WebAssembly, none": () => async () =>
    new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(smallest))).exports.f(),
  "nibblenet, examples/keyword": (host) => nibblenet(host, "keyword.nbl", new Float32Array(1960)),
  "nibblenet, kws_ref_model": (host) => nibblenet(host, "kws_ref_model.nbl", new Int8Array(490)),
  "LiteRT.js relaxed, kws_ref_model": (host) => litert(host, "relaxed"),
  "LiteRT.js compat, kws_ref_model": (host) => litert(host, "compat"),
  async "onnxruntime-web, examples/keyword"(host) {
    const ort = await host.module("onnxruntime-web");
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = await host.bytes("ort.wasm");
    const bytes = await host.bytes("keyword.onnx");
    return async () => {
      const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
      const features = new ort.Tensor("float32", new Float32Array(1960), [1, 49, 40]);
      const outputs = await session.run({ features });
      return outputs[session.outputNames[0]].data.length;
    };
  },
};

/** ms to import, and ms from there to the end of the first inference. */
export async function measure(name, host) {
  const start = performance.now();
  const run = await systems[name](host);
  const imported = performance.now();
  await host.settle?.();
  const ready = performance.now();
  const outputs = await run();
  const end = performance.now();
  if (outputs !== 12) throw new Error(`${name}: expected 12 outputs, found ${outputs}`);
  return { prepare: imported - start, cold: end - ready };
}
