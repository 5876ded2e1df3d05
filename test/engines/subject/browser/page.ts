/** A page: runs jobs itself, in a Worker, in a service worker and in an AudioWorklet, and shows how refusals read. */
import { compileEngine, loadModel, loadModelSync } from "nibblenet";
import { type Answer, check, type Job } from "../check.ts";
import { loadWith } from "../load.ts";

declare global {
  var places: Record<string, (job: Job) => Promise<Answer>>;
  /** Examples that need a page; each answers what its model heard or computed. */
  var examples: Record<string, () => Promise<unknown>>;
  var refusals: Record<string, () => Promise<string>>;
}

const archive = async (): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await (await fetch("/models.bin")).arrayBuffer());

const bestTier = async (): Promise<string> => (await loadModel("/keyword.nbl")).tier;

/** The tier's module where this engine accepts it; without it the processor tries its own bytes, and says why not. */
async function compiled(tier: string): Promise<WebAssembly.Module | undefined> {
  const bytes = await (await fetch(`/node_modules/nibblenet/build/${tier}.wasm`)).arrayBuffer();
  return WebAssembly.validate(bytes) ? WebAssembly.compile(bytes) : undefined;
}

const answerFrom = (port: MessagePort | Worker): Promise<Answer> =>
  new Promise((resolve) => {
    port.onmessage = ({ data }) => resolve(data);
  });

globalThis.places = {
  page: async (job) => check(loadWith(loadModelSync), await archive(), job, () => performance.now()),

  async worker(job) {
    const worker = new Worker("/browser/web-worker.js", { type: "module" });
    const answer = answerFrom(worker);
    worker.postMessage({ job, bytes: await archive() });
    return answer.finally(() => worker.terminate());
  },

  async serviceWorker(job) {
    const registration = await navigator.serviceWorker.register("/browser/service-worker.js");
    const worker = (registration.active ?? registration.waiting ?? registration.installing)!;
    const { port1, port2 } = new MessageChannel();
    const answer = answerFrom(port1);
    worker.postMessage({ job, bytes: await archive(), port: port2 }, [port2]);
    return answer.finally(() => registration.unregister());
  },

  async audioWorklet(job) {
    const context = new OfflineAudioContext(1, 128, 16000);
    await context.audioWorklet.addModule("/browser/audio.js");
    // A worklet can't fetch: the module is compiled here. The script tier needs none.
    const tier = job.tier === "auto" ? await bestTier() : job.tier;
    const module = tier === "script" ? undefined : await compiled(tier);
    const processorOptions = { job, bytes: await archive(), module };
    const node = new AudioWorkletNode(context, "matrix", { processorOptions });
    const answer = answerFrom(node.port);
    node.connect(context.destination);
    await context.startRendering();
    return answer;
  },
};

/** What the package says when something is missing: the code and the message. */
const told = async (attempt: () => Promise<unknown>): Promise<string> => {
  try {
    await attempt();
    return "no error";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code}: ${message}`;
  }
};

const engine = "/node_modules/nibblenet/build/simd.wasm";

globalThis.refusals = {
  "a server that is not there": () => told(() => loadModel("http://127.0.0.1:1/keyword.nbl")),
  "no model at the address": () => told(() => loadModel("/missing.nbl")),
  "a page instead of a model": () => told(() => loadModel("/app/keyword.nbl")),
  "no engine at the address": () => told(() => compileEngine("/missing.wasm")),
  "a page instead of an engine": () => told(() => compileEngine("/app/simd.wasm")),
  /** What compiles has to run, too: a browser may refuse only that. */
  "compileEngine under CSP `script-src 'self'`": () =>
    told(async () => loadModel("/keyword.nbl", { wasm: await compileEngine(engine) })),
  "a tier asked for under CSP `script-src 'self'`": () =>
    told(() => loadModel("/keyword.nbl", { tier: "simd" })),

  /** The browser's own refusal, and that compileEngine takes the same answer. */
  async "an engine served as text, to WebAssembly.compileStreaming"() {
    const address = `${engine}?type=text/plain`;
    const message = await told(() => WebAssembly.compileStreaming(fetch(address)));
    const { tier } = await loadModel("/keyword.nbl", { wasm: await compileEngine(address) });
    return `${message}; compileEngine: tier ${tier}`;
  },

  /** Nothing of ours runs when an import fails: the browsers' messages do not even name the type, their consoles do. */
  "a bundle imported as a module": () => importBundle("/keyword.wasm"),
  "a bundle imported as a module, served as text": () => importBundle("/keyword.wasm?type=text/plain"),
};

/** How an import of a bundle ends, and what the three lines of docs/format.md make of the same answer of the server. */
async function importBundle(address: string): Promise<string> {
  const end = await told(async () => {
    const { init } = await import(address);
    if (init() !== 0) throw new Error("the bundle is damaged");
  });
  const { instance } = await WebAssembly.instantiate(await (await fetch(address)).arrayBuffer());
  return `${end}; compiled from its bytes: init() ${(instance.exports.init as () => number)()}`;
}

globalThis.examples = {
  async "examples/service-worker"() {
    const address = "/service-worker/page.mjs";
    const { recognise } = await import(address);
    const features = await (await fetch("/clip.f32")).arrayBuffer();
    return recognise(features);
  },

  /** One second of noise through the processor, and the same window of samples through the model here. */
  async "examples/audio-worklet"() {
    const address = "/audio-worklet/page.mjs";
    const { createModelNode } = await import(address);
    const hop = 1600;
    const context = new OfflineAudioContext(1, 16000, 16000);
    const node: AudioWorkletNode = await createModelNode(context, {
      processor: "/audio-worklet/processor.js",
      engine: "/node_modules/nibblenet/build/simd.wasm",
      model: "/keyword.nbl",
      hop,
    });
    const answers: number[][] = [];
    node.port.onmessage = ({ data }) => void answers.push([...data]);
    const buffer = context.createBuffer(1, 16000, 16000);
    const samples = new Float32Array(16000);
    for (let i = 0; i < samples.length; i++) samples[i] = ((i * 2654435761) % 2001) / 1000 - 1;
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(node).connect(context.destination);
    source.start();
    await context.startRendering();
    const model = await loadModel("/keyword.nbl");
    // What the model says of the window that ends at each block: an engine may begin with blocks of nothing.
    const blocks: number[][] = [];
    for (let end = 128; end <= 16000; end += 128) {
      const window = model.input() as Float32Array;
      for (let i = 0; i < window.length; i++) window[i] = samples[end - window.length + i] ?? 0;
      model.invoke();
      blocks.push([...(model.output() as Float32Array)]);
    }
    for (let i = 0; i < 100 && answers.length < 10; i++) await new Promise((r) => setTimeout(r, 20));
    return { answers, blocks };
  },
};
