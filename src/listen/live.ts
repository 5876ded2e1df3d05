import type { HandedModules } from "../runtime/engine.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { Detection, ScoreUpdate } from "./listener.ts";
import type { GateOptions } from "./make-gate.ts";
import {
  type FromProcessor,
  type LiveStatistics,
  type PostedOptions,
  type ProcessorOptions,
  processorName,
} from "./messages.ts";
import { audioError, kindOf, type Problem, type ProblemKind, problemOf } from "./problems.ts";

export interface LiveOptions extends PostedOptions {
  /** A packed model that takes samples. */
  model: Uint8Array | ArrayBuffer;
  /** Compiled builds of the engine (`compileEngine`); the best that runs is taken. */
  wasm: HandedModules;
  /** Address of the package's `listen-processor.js`. */
  processor: URL | string;
  gate?: Omit<GateOptions, "model"> & { model?: Uint8Array | ArrayBuffer };
  /** How errors call the model. */
  name?: string;
  /** Milliseconds between statistics; 1000. */
  statisticsEvery?: number;
  onDetect?(detection: Detection): void;
  onScore?(update: Pick<ScoreUpdate, "scores" | "averages" | "time">): void;
  onStatistics?(statistics: LiveStatistics): void;
  /** Something stands in the way; `onRecover` follows where it `recovers`. */
  onProblem?(problem: Problem): void;
  onRecover?(from: ProblemKind): void;
}

export interface MicrophoneOptions extends LiveOptions {
  /** For getUserMedia. Without them the browser's echo cancellation, noise suppression and gain are off. */
  constraints?: MediaTrackConstraints;
}

export interface LiveListener {
  readonly context: AudioContext;
  /** What is being listened to, for an analyser or a recorder; another one after the microphone was changed. */
  readonly source: AudioNode;
  readonly tier: string;
  readonly labels: readonly string[];
  setThreshold(threshold: NonNullable<PostedOptions["threshold"]>): void;
  /** Forgets everything heard and the statistics. */
  reset(): void;
  /** Lets go of microphone, audio context and model. */
  close(): Promise<void>;
}

/**
 * Listens to the microphone on the audio thread.
 * @throws NibbleError (as a rejection) "audio", whose `problem` says what stands in the way, or what loading the model throws.
 * @example
 * const wasm = await compileEngine("/engine/simd.wasm");
 * const live = await listenToMicrophone({ model, wasm, processor: "/engine/listen-processor.js", onDetect: show });
 */
export async function listenToMicrophone(options: MicrophoneOptions): Promise<LiveListener> {
  const { constraints, onProblem, onRecover } = options;
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, ...constraints };
  const devices = navigator.mediaDevices;
  if (!devices?.getUserMedia) throw audioError("insecure");
  const open = (): Promise<MediaStream> =>
    devices.getUserMedia({ audio }).catch((cause) => {
      throw audioError(kindOf(cause), cause);
    });
  // Before the context: without leave to listen there is nothing to set up.
  let stream = await open();
  const stop = (): void => {
    for (const track of stream.getTracks()) track.stop();
  };
  const live = await start(options, (context) => context.createMediaStreamSource(stream)).catch((error) => {
    stop();
    throw error;
  });
  let isClosed = false;
  let isWaiting = false;

  function watch(): void {
    const [track] = stream.getAudioTracks();
    track.onended = () => lost("unplugged");
    track.onmute = () => onProblem?.(problemOf("muted", true));
    track.onunmute = () => onRecover?.("muted");
  }
  function lost(kind: ProblemKind): void {
    if (isClosed || isWaiting) return;
    isWaiting = true;
    stop();
    onProblem?.(problemOf(kind, true));
    devices.addEventListener("devicechange", retry);
    retry();
  }
  /** Another device may be there at once, and its change may have been announced before the track ended. */
  async function retry(): Promise<void> {
    if (isClosed || !isWaiting) return;
    try {
      stream = await open();
    } catch {
      return;
    }
    if (isClosed) return stop();
    isWaiting = false;
    devices.removeEventListener("devicechange", retry);
    watch();
    await live.connect((context) => context.createMediaStreamSource(stream));
    onRecover?.("unplugged");
  }
  watch();
  return Object.assign(live, {
    close() {
      isClosed = true;
      devices.removeEventListener("devicechange", retry);
      stop();
      return live.end();
    },
  });
}

/**
 * Listens to what `connect` makes in the given context: an element's audio, a decoded file, a stream from elsewhere.
 * @throws NibbleError as listenToMicrophone.
 * @example
 * const live = await listenTo(options, (context) => context.createMediaElementSource(element));
 */
export async function listenTo(
  options: LiveOptions,
  connect: (context: AudioContext) => AudioNode,
): Promise<LiveListener> {
  const live = await start(options, connect);
  return Object.assign(live, { close: live.end });
}

type Started = Omit<LiveListener, "close"> & {
  connect(make: (context: AudioContext) => AudioNode): Promise<void>;
  end(): Promise<void>;
};

const bytesOf = (file: Uint8Array | ArrayBuffer): Uint8Array =>
  file instanceof Uint8Array ? file : new Uint8Array(file);

async function start(given: LiveOptions, make: (context: AudioContext) => AudioNode): Promise<Started> {
  if (typeof AudioContext === "undefined" || typeof AudioWorkletNode === "undefined")
    throw audioError("no-audio-worklet");
  let options = given;
  let context = new AudioContext();
  if (!context.audioWorklet) {
    await context.close();
    throw audioError("no-audio-worklet");
  }
  let running = await run(context, options).catch(async (error) => {
    await context.close();
    throw error;
  });
  let source: AudioNode;
  let isClosed = false;
  let isSuspended = false;

  function look(): void {
    if (isClosed) return;
    if (context.state === "running") {
      if (isSuspended) options.onRecover?.("suspended");
      isSuspended = false;
    } else if (!isSuspended) {
      isSuspended = true;
      options.onProblem?.(problemOf("suspended", true));
    }
  }
  const watch = (): void => void (context.onstatechange = look);
  const resume = (): void => {
    if (!isClosed && context.state !== "running") context.resume().catch(() => {});
  };
  const gestures = ["pointerdown", "keydown", "visibilitychange"];
  for (const gesture of gestures) document.addEventListener(gesture, resume);

  async function connect(made: (context: AudioContext) => AudioNode): Promise<void> {
    source?.disconnect();
    try {
      source = made(context);
    } catch (cause) {
      // A context keeps the sample rate that its first device had.
      if ((cause as Error).name !== "NotSupportedError") throw audioError("failed", cause);
      options.onProblem?.(problemOf("rate-changed", true));
      await context.close();
      context = new AudioContext();
      running = await run(context, options);
      watch();
      source = made(context);
      options.onRecover?.("rate-changed");
    }
    source.connect(running.node);
  }
  watch();
  await connect(make);
  // Settles only after a gesture where the browser wants one.
  context.resume().catch(() => {});
  setTimeout(look, 1000);
  return {
    get context() {
      return context;
    },
    get source() {
      return source;
    },
    tier: running.tier,
    labels: running.labels,
    connect,
    setThreshold(threshold) {
      // For processors to come, too.
      options = { ...options, threshold };
      running.node.port.postMessage({ threshold });
    },
    reset: () => running.node.port.postMessage("reset"),
    async end() {
      if (isClosed) return;
      isClosed = true;
      for (const gesture of gestures) document.removeEventListener(gesture, resume);
      running.node.port.postMessage("close");
      source.disconnect();
      await context.close();
    },
  };
}

interface Running {
  node: AudioWorkletNode;
  tier: string;
  labels: readonly string[];
}

/** A processor in `context` that has loaded the model. */
async function run(context: AudioContext, options: LiveOptions): Promise<Running> {
  const { model, wasm, processor, gate, name = "model", statisticsEvery = 1000 } = options;
  // Not those that can't be posted.
  const { sampleRate, hop, warmUp, scores, threshold, smoothing, steady, cooldown, ignore, labels, burst } =
    options;
  const posted = {
    sampleRate,
    hop,
    warmUp,
    scores,
    threshold,
    smoothing,
    steady,
    cooldown,
    ignore,
    labels,
    burst,
  };
  try {
    await context.audioWorklet.addModule(processor);
  } catch (cause) {
    throw new NibbleError(
      "io",
      `${processor}: the processor can't be loaded (${(cause as Error).message}); serve the package's ` +
        "listen-processor.js there, as JavaScript, and allow it by script-src",
      { cause },
    );
  }
  const { model: voice, ...timing } = gate ?? {};
  const processorOptions: ProcessorOptions = {
    model: bytesOf(model),
    name,
    wasm,
    options: posted as PostedOptions,
    ...(gate && { gate: { ...timing, ...(voice && { model: bytesOf(voice) }) } }),
    every: statisticsEvery,
  };
  const node = new AudioWorkletNode(context, processorName, {
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: "explicit",
    processorOptions,
  });
  return new Promise((resolve, reject) => {
    const fail = (error: NibbleError, message: string): void => {
      reject(error);
      options.onProblem?.(problemOf("failed", false, message));
    };
    node.onprocessorerror = () => fail(audioError("failed"), "its audio processor has ended");
    node.port.onmessage = ({ data }: MessageEvent<FromProcessor>) => {
      if (data.type === "ready") resolve({ node, tier: data.tier, labels: data.labels });
      else if (data.type === "detection") options.onDetect?.(data.detection);
      else if (data.type === "score") options.onScore?.(data);
      else if (data.type === "statistics") options.onStatistics?.(data.statistics);
      else fail(new NibbleError((data.code || "audio") as "audio", data.message), data.message);
    };
  });
}
