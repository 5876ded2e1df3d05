// The page's side: fetches model and engine, compiles the engine, and hands both to the processor.

/**
 * A node that answers the model's output every `hop` samples on its port.
 * `engine` is the URL of the package's simd.wasm (relaxed.wasm is faster where it compiles), `model` that of a .nbl file.
 */
export async function createModelNode(context, { processor, engine, model, hop = 1600 }) {
  const [file, module] = await Promise.all([
    fetch(model).then((response) => response.arrayBuffer()),
    WebAssembly.compileStreaming(fetch(engine)),
    context.audioWorklet.addModule(processor),
  ]);
  const processorOptions = { bytes: new Uint8Array(file), module, hop };
  return new AudioWorkletNode(context, "nibblenet-model", { processorOptions });
}
