// The panel: what the controls do, and what is shown while listening.
import { compileEngine, listenTo, listenToMicrophone } from "../engine/listen.js";
import { createDetections } from "./detections.mjs";
import { showFigures } from "./figures.mjs";
import { createModels } from "./models.mjs";
import { keepOffline } from "./offline.mjs";
import { createScores } from "./scores.mjs";
import { createSpectrogram } from "./spectrogram.mjs";

const $ = (id) => document.getElementById(id);
const spectrogram = createSpectrogram($("spectrogram"));
const scores = createScores($("scores"), $("legend"));
const detections = createDetections($);
const models = createModels($("model"));

/** Compiled once, before the first listening. */
let engine;
/** What is running: { live, analyser, end }. */
let session;
/** Only the newest start counts. */
let attempt = 0;

const compile = () => {
  engine ??= Promise.all(
    ["relaxed", "simd", "scalar"].map((tier) =>
      compileEngine(`/engine/${tier}.wasm`).catch((error) => error),
    ),
  ).then((builds) => {
    const usable = builds.filter((build) => build instanceof WebAssembly.Module);
    if (usable.length === 0) throw builds.at(-1);
    return usable;
  });
  engine.catch(() => (engine = undefined));
  return engine;
};

function setState(state, text) {
  $("state").dataset.state = state;
  $("state").textContent = text;
  const isOn = session !== undefined;
  $("listen-text").textContent = isOn ? "Stop" : "Use the microphone";
  $("listen").setAttribute("aria-pressed", String(isOn));
}

function showProblem({ message, recovers }, again) {
  setState("problem", recovers ? "Waiting" : "Not listening");
  $("problem-title").textContent = recovers ? "Listening is interrupted" : "Not listening";
  const text = message.replace(/^listening: /, "");
  $("problem-text").textContent = `${text[0].toUpperCase()}${text.slice(1)}.`;
  $("problem").hidden = false;
  $("retry").hidden = recovers || !again;
  $("retry").onclick = again;
}

const clearProblem = () => ($("problem").hidden = true);

/** Starts what `open` opens with the options of the moment; `again` is offered where it fails. */
async function begin(text, open, again) {
  await stop();
  const mine = ++attempt;
  clearProblem();
  setState("starting", "Starting…");
  const model = models.chosen();
  scores.setLabels(model.labels, model.ignore, model.step);
  spectrogram.clear();
  detections.clear();
  const options = {
    model: model.bytes,
    name: model.title,
    wasm: await compile(),
    processor: "/engine/listen-processor.js",
    threshold: Number($("threshold").value) / 100,
    ...($("gate").checked && { gate: {} }),
    onScore: scores.add,
    onDetect(detection) {
      detections.add(detection);
      scores.flag(detection);
      spectrogram.mark(detection.label);
    },
    onStatistics(statistics) {
      showFigures($, statistics, session?.live.tier);
      if ($("problem").hidden && session)
        setState(statistics.isOpen ? "listening" : "quiet", statistics.isOpen ? text : "Quiet");
    },
    onProblem: (problem) => showProblem(problem, again),
    onRecover() {
      clearProblem();
      setState("listening", text);
      session?.watch();
    },
  };
  try {
    const opened = await open(options);
    if (mine !== attempt) return void opened.live.close();
    session = opened;
    session.watch = () => attach(opened);
    session.watch();
    setState("listening", text);
  } catch (error) {
    if (mine === attempt) showProblem({ message: error.message, recovers: false }, again);
  }
}

/** An analyser beside the listener, for the picture and the loudness. */
function attach(opened) {
  const { source, context } = opened.live;
  if (opened.analysed === source) return;
  opened.analysed = source;
  const analyser = new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0.2 });
  source.connect(analyser);
  opened.analyser = analyser;
  spectrogram.attach(analyser);
}

async function stop(text = "Not listening") {
  attempt++;
  const ended = session;
  session = undefined;
  spectrogram.detach();
  detections.showLoudness(-100);
  setState("idle", text);
  await ended?.live.close();
}

const useMicrophone = () =>
  begin(
    "Listening",
    async (options) => ({ live: await listenToMicrophone(options), isMicrophone: true }),
    useMicrophone,
  );

function playRecording(file) {
  return begin(
    `Playing ${file.name}`,
    async (options) => {
      const audio = await decode(file);
      let player;
      const live = await listenTo(options, (context) => {
        player = new AudioBufferSourceNode(context, { buffer: audio });
        player.connect(context.destination);
        return player;
      });
      player.onended = () => session?.live === live && stop(`End of ${file.name}`);
      player.start();
      return { live };
    },
    () => playRecording(file),
  );
}

async function decode(file) {
  const context = new OfflineAudioContext(1, 1, 48000);
  try {
    return await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} can't be decoded; take a WAV, FLAC, MP3 or Ogg file`);
  }
}

async function addModel(file) {
  try {
    await models.add(file, await compile());
    modelChanged();
  } catch (error) {
    showProblem({ message: error.message, recovers: false });
  }
}

function modelChanged() {
  const { threshold, labels, ignore, step } = models.chosen();
  $("threshold").value = Math.round(100 * threshold);
  thresholdChanged();
  scores.setLabels(labels, ignore, step);
  if (session?.isMicrophone) useMicrophone();
  else stop();
}

function thresholdChanged() {
  $("threshold-value").value = `${$("threshold").value} %`;
  scores.setThreshold(Number($("threshold").value) / 100);
}

const openFile = (file) => (file.name.endsWith(".nbl") ? addModel(file) : playRecording(file));

$("listen").onclick = () => (session ? stop() : useMicrophone());
$("open-audio").onclick = () => $("audio-file").click();
$("open-model").onclick = () => $("model-file").click();
for (const id of ["audio-file", "model-file"])
  $(id).onchange = ({ target }) => {
    if (target.files[0]) openFile(target.files[0]);
    target.value = "";
  };
$("model").onchange = modelChanged;
$("threshold").oninput = thresholdChanged;
$("threshold").onchange = () => session?.live.setThreshold(Number($("threshold").value) / 100);

addEventListener("dragover", (event) => {
  event.preventDefault();
  $("dropping").hidden = false;
});
addEventListener("dragleave", ({ relatedTarget }) => ($("dropping").hidden = relatedTarget === null));
addEventListener("drop", (event) => {
  event.preventDefault();
  $("dropping").hidden = true;
  if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
});

function frame() {
  spectrogram.draw();
  scores.draw();
  if (session?.analyser) detections.showLoudness(session.analyser);
  requestAnimationFrame(frame);
}

keepOffline($("offline"));
try {
  await models.load("/models.json", await compile());
  modelChanged();
  setState("idle", "Not listening");
} catch (error) {
  showProblem({ message: error.message, recovers: false }, () => location.reload());
}
requestAnimationFrame(frame);
