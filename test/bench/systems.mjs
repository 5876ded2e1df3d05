/**
 * The systems of the bench, alike in Node and in a page. `host` gives what differs: `module(name)` imports one, `bytes(file)`
 * reads one of the workload's files, `litert(build)` imports LiteRT.js and answers it with what starts it, `tflite()` starts
 * tfjs-tflite. A system prepares a workload once (it throws when it has no way to run it) and answers a function that runs it
 * `count` times, and may answer the milliseconds of one run by its own clock.
 */

/** The same bytes for every system: no pattern, and whole numbers where the input is quantized. */
function valuesFor({ dtype, shape }) {
  const length = shape.reduce((a, b) => a * b, 1);
  const makers = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array };
  const values = new makers[dtype](length);
  let state = 12345;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = dtype === "float32" ? state / 2 ** 31 - 1 : state >>> 24;
  }
  return values;
}

const fileOf = (workload, kind) => {
  if (!workload[kind]) throw new Error(`no ${kind} file`);
  return workload[kind];
};

const nibblenet =
  (tier, kind = "nbl") =>
  async (host) => {
    const { loadModelSync } = await host.module("nibblenet");
    return async (workload) => {
      const model = loadModelSync(await host.bytes(fileOf(workload, kind)), { tier });
      model.input().set(valuesFor(workload.input));
      return (count) => {
        for (let i = 0; i < count; i++) model.invoke();
      };
    };
  };

const litert =
  (build, kind = "tflite") =>
  async (host) => {
    const { litert: runtime, start } = await host.litert(build);
    await start();
    return async (workload) => {
      const bytes = await host.bytes(fileOf(workload, kind));
      const model = await runtime.loadAndCompile(bytes, { accelerator: "wasm" });
      const input = new runtime.Tensor(valuesFor(workload.input), workload.input.shape);
      return async (count) => {
        for (let i = 0; i < count; i++) for (const output of await model.run([input])) output.delete();
      };
    };
  };

/** Its own JavaScript around the module goes through a slower, asynchronous interface; this calls the module. */
async function tfjsTflite(host) {
  return async (workload) => {
    const bytes = await host.bytes(fileOf(workload, "tflite"));
    // A module holds one model at a time without leaking.
    const module = await host.tflite();
    const pointer = module._malloc(bytes.length);
    module.HEAPU8.set(bytes, pointer);
    const options = {
      numThreads: 1,
      enableWebNNDelegate: false,
      webNNDeviceType: 0,
      enableProfiling: false,
      maxProfilingBufferEntries: 0,
      enableXnnpack: true,
    };
    const made = module.TFLiteWebModelRunner.CreateFromBufferAndOptions(pointer, bytes.length, options);
    if (!made.ok()) throw new Error(made.errorMessage());
    const runner = made.value();
    runner.GetInputs().get(0).data().set(valuesFor(workload.input));
    return (count) => {
      for (let i = 0; i < count; i++) runner.Infer();
    };
  };
}

const onnxruntime = (module, provider) => async (host) => {
  const ort = await host.module(module);
  if (ort.env.wasm) ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  return async (workload) => {
    const session = await ort.InferenceSession.create(await host.bytes(fileOf(workload, "onnx")), {
      executionProviders: [provider],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
    });
    const { dtype, shape } = workload.onnxInput;
    const feeds = { [session.inputNames[0]]: new ort.Tensor(dtype, valuesFor(workload.onnxInput), shape) };
    return async (count) => {
      for (let i = 0; i < count; i++) await session.run(feeds);
    };
  };
};

/** Tokens generated one after another, by its own clock: what it does besides to start and end a completion is left out. */
async function wllama(host) {
  const { Wllama, wasm } = await host.wllama();
  return async (workload) => {
    const quiet = { debug() {}, log() {}, warn() {}, error() {} };
    const model = new Wllama({ default: wasm }, { logger: quiet });
    await model.loadModel([new Blob([await host.bytes(fileOf(workload, "gguf"))])], {
      n_ctx: 256,
      n_threads: 1,
      n_gpu_layers: 0,
      use_mmap: false,
    });
    return async (count) => {
      const { timings } = await model.createCompletion({
        prompt: "w",
        max_tokens: count + 1,
        temperature: 0,
        ignore_eos: true,
        timings_per_token: true,
        cache_prompt: false,
      });
      return 1000 / timings.predicted_per_second;
    };
  };
}

/** The instructions' own limits (limits.mjs). */
async function limits() {
  return async ({ module, argument }) => {
    const bytes = Uint8Array.from(atob(module), (c) => c.charCodeAt(0));
    const { run, fill } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    fill?.();
    return (count) => {
      for (let i = 0; i < count; i++) run(argument);
    };
  };
}

export const systems = {
  "nibblenet relaxed": nibblenet("relaxed"),
  "nibblenet simd": nibblenet("simd"),
  "nibblenet simd, no zeros": nibblenet("simd", "dense"),
  "nibblenet relaxed, a scale per channel": nibblenet("relaxed", "perChannelNbl"),
  "LiteRT.js relaxed": litert("relaxed"),
  "LiteRT.js compat": litert("compat"),
  "LiteRT.js relaxed, a scale per channel": litert("relaxed", "perChannel"),
  "tfjs-tflite": tfjsTflite,
  "onnxruntime-web": onnxruntime("onnxruntime-web", "wasm"),
  "onnxruntime-node": onnxruntime("onnxruntime-node", "cpu"),
  wllama,
  limits,
};

/** `now` answers milliseconds. Long enough for the optimizing compiler, which may work beside on the same core. */
const warmMilliseconds = 250;
const blockMilliseconds = 6;

/** One system in one place: prepare(workload), then block() as often as wished answers µs per inference. */
export async function makeSubject(name, host, now) {
  const prepare = await systems[name](host);
  let run;
  let count = 1;
  const time = async () => {
    const start = now();
    const own = await run(count);
    return (own ?? (now() - start) / count) * 1000;
  };
  return {
    async prepare(workload) {
      run = await prepare(workload);
      const start = performance.now();
      let turns = 0;
      do await run(1);
      while (++turns < 3 || performance.now() - start < warmMilliseconds / 2);
      count = Math.max(1, Math.floor((turns * blockMilliseconds * 2) / warmMilliseconds));
      while (performance.now() - start < warmMilliseconds) await run(count);
      count = Math.max(1, Math.round((blockMilliseconds * 1000) / Math.max(1e-3, await time())));
    },
    block: time,
  };
}
