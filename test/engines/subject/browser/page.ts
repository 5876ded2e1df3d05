/** A page: runs jobs itself, in a Worker, in a service worker and in an AudioWorklet, and shows how refusals read. */
import { loadModel, loadModelSync } from "nibblenet";
import { type Answer, check, type Job } from "../check.ts";
import { loadWith } from "./load.ts";

declare global {
  var places: Record<string, (job: Job) => Promise<Answer>>;
  var refusals: Record<string, () => Promise<string>>;
}

const archive = async (): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await (await fetch("/models.bin")).arrayBuffer());

const bestTier = async (): Promise<string> => (await loadModel("/keyword.nbl")).tier;

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
    await navigator.serviceWorker.ready.catch(() => {});
    const worker = registration.active ?? registration.waiting ?? registration.installing!;
    const { port1, port2 } = new MessageChannel();
    const answer = answerFrom(port1);
    worker.postMessage({ job, bytes: await archive(), port: port2 }, [port2]);
    return answer.finally(() => registration.unregister());
  },

  async audioWorklet(job) {
    const context = new OfflineAudioContext(1, 128, 16000);
    await context.audioWorklet.addModule("/browser/audio.js");
    // A worklet can't fetch: the module is compiled here.
    const tier = job.tier === "auto" ? await bestTier() : job.tier;
    const module = await WebAssembly.compile(
      await (await fetch(`/node_modules/nibblenet/build/${tier}.wasm`)).arrayBuffer(),
    );
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

globalThis.refusals = {
  "a server that is not there": () => told(() => loadModel("http://127.0.0.1:1/keyword.nbl")),
  "a page instead of a model": () => told(() => loadModel("/missing.nbl")),
};
