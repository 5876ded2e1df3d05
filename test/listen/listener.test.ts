import { describe, expect, it } from "vitest";
import { createListener, type Detection, type ListenerOptions } from "../../src/listen/listener.ts";
import { createTickTimer, createTimer } from "../../src/listen/timer.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { fakeModel } from "./fake-model.ts";

const loudest = (samples: Float32Array | Int16Array): number =>
  Array.from(samples).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
/** Its score is the loudest sample of its window. */
const loudModel = (window = 160) => fakeModel({ window, answer: (samples) => [loudest(samples)] });

/** Silence of `seconds` with words, [at, for how long, how loud]. */
function sound(seconds: number, words: [number, number, number][]): Float32Array {
  const samples = new Float32Array(seconds * 16000);
  for (const [at, length, level] of words)
    for (let i = at * 16000; i < (at + length) * 16000; i++) samples[i] = i % 2 ? level : -level;
  return samples;
}

interface Heard {
  detections: Detection[];
  times: number[];
  listener: ReturnType<typeof createListener>;
}

function hear(
  model: Parameters<typeof createListener>[0],
  samples: Float32Array,
  options: ListenerOptions = {},
  chunk = 128,
): Heard {
  const detections: Detection[] = [];
  const times: number[] = [];
  const listener = createListener(model, {
    onDetect: (detection) => detections.push(detection),
    onScore: ({ time }) => times.push(time),
    ...options,
  });
  for (let at = 0; at < samples.length; at += chunk) listener.push(samples.subarray(at, at + chunk));
  return { detections, times, listener };
}

describe("windows", () => {
  it("come every hop, each of the newest samples", () => {
    const model = loudModel(400);
    const ramp = Float32Array.from({ length: 2000 }, (_, i) => i / 32768);
    const { times } = hear(model, ramp, { hop: 160 });
    expect(times).toEqual(Array.from({ length: 11 }, (_, i) => (400 + 160 * i) / 16000));
    expect(model.seen.map((s) => Math.round(s[0] * 32768))).toEqual(times.map((_, i) => 160 * i));
    expect(model.seen.every((s) => s.every((v, i) => i === 0 || v > s[i - 1]))).toBe(true);
  });

  it("are the same however the samples are cut", () => {
    const random = randomFrom(3);
    const samples = Float32Array.from({ length: 40_000 }, () => random.real(-1, 1));
    const whole = loudModel(320);
    hear(whole, samples, { hop: 100 }, samples.length);
    const cut = loudModel(320);
    const listener = createListener(cut, { hop: 100 });
    for (let at = 0; at < samples.length; ) {
      const count = random.pick([1, 7, 128, 513, 5000]);
      listener.push(samples.subarray(at, at + count));
      at += count;
    }
    expect(cut.seen).toEqual(whole.seen);
  });

  it("reach int16 models as the integers that they were, saturated", () => {
    const model = fakeModel({ window: 6, dtype: "int16", answer: () => [0] });
    hear(model, Float32Array.of(0, 1 / 32768, -1, 1, -3, Number.NaN));
    expect([...model.seen[0]]).toEqual([0, 1, -32768, 32767, -32768, 0]);
  });

  it("mean nothing while a model warms up", () => {
    const { times } = hear(loudModel(), sound(0.1, []), { warmUp: 4 });
    expect(times[0]).toBeCloseTo(5 * 0.01);
  });
});

describe("detections", () => {
  it("take the average of the last scores, and none twice while a word goes on", () => {
    const samples = sound(6, [
      [1, 0.03, 1],
      [2, 3, 1],
    ]);
    const { detections } = hear(loudModel(), samples, { smoothing: 5, threshold: 0.79, cooldown: 500 });
    // Three loud windows of five are 0.6.
    expect(detections.map(({ time }) => time)).toEqual([2.04]);
    expect(detections[0].score).toBeCloseTo(0.8);
  });

  it("come of a label that leads for long with half of its threshold, and once", () => {
    const model = fakeModel({
      window: 160,
      outputs: 3,
      metadata: { labels: ["yes", "no", "_other_"], listen: { ignore: ["_other_"] } },
      answer: (samples) => [0, 0.5 * loudest(samples), 0.3],
    });
    const samples = sound(4, [
      [1, 0.07, 0.9],
      [2, 1, 0.9],
      [3.2, 0.5, 0.7],
    ]);
    const heard = (steady?: number) =>
      hear(model, samples, { threshold: 0.8, cooldown: 0, ...(steady && { steady }) }).detections;
    expect(heard()).toEqual([]);
    const [first, ...more] = heard(8);
    expect(more).toEqual([]);
    expect(first).toMatchObject({ label: "no", time: 2.08 });
    expect(first.score).toBeCloseTo(0.45);
  });

  it("wait for the cooldown", () => {
    const samples = sound(
      5,
      [1, 1.4, 2.5].map((at) => [at, 0.1, 1]),
    );
    const times = (cooldown: number) =>
      hear(loudModel(), samples, { cooldown }).detections.map(({ time }) => time);
    expect(times(0)).toEqual([1.01, 1.41, 2.51]);
    expect(times(1000)).toEqual([1.01, 2.51]);
  });

  it("name the best label that is not to be ignored", () => {
    const model = fakeModel({
      window: 160,
      outputs: 3,
      metadata: { labels: ["yes", "no", "_other_"], listen: { scores: "softmax", ignore: ["_other_"] } },
      answer: (samples) => (samples[0] > 0.5 ? [0, 4, 1] : samples[0] < -0.5 ? [1, 0, 9] : [0, 0, 0]),
    });
    const samples = new Float32Array(16000 * 4);
    samples.fill(1, 16000, 16160).fill(-1, 32000, 32160);
    const { detections, listener } = hear(model, samples);
    expect(listener.labels).toEqual(["yes", "no", "_other_"]);
    expect(detections.map(({ label }) => label)).toEqual(["no"]);
    expect(detections[0].score).toBeCloseTo(Math.exp(4) / (Math.exp(4) + Math.E + 1), 5);
  });

  it("have thresholds by label, which may change", () => {
    const samples = sound(1, [[0.5, 0.1, 0.7]]);
    const options = { labels: ["word"], threshold: { word: 0.8 } };
    const { detections, listener } = hear(loudModel(), samples, options);
    expect(detections).toEqual([]);
    listener.setThreshold(0.6);
    listener.push(samples);
    expect(detections).toHaveLength(1);
  });

  it("understand quantized probabilities and logits", () => {
    const scores: number[] = [];
    const listen = (scale: number, options: ListenerOptions) =>
      createListener(fakeModel({ window: 4, scale, zeroPoint: scale === 1 ? 128 : 0, answer: () => [192] }), {
        ...options,
        onScore: ({ scores: [score] }) => scores.push(score),
      }).push(new Float32Array(4));
    listen(1 / 256, {});
    listen(1, { scores: "logistic" });
    expect(scores).toEqual([0.75, 1]);
  });
});

describe("a gate", () => {
  const words: [number, number, number][] = [
    [2, 0.3, 0.5],
    [6, 0.3, 0.6],
    [6.5, 0.3, 0.6],
  ];
  const options = { threshold: 0.4, cooldown: 200 };

  it("spares the model in silence, and loses no word", () => {
    const samples = sound(10, words);
    const open = hear(loudModel(), samples, options);
    const gated = hear(loudModel(), samples, { ...options, gate: { hold: 300, lead: 500 } });
    expect(gated.detections).toEqual(open.detections);
    expect(gated.detections).toHaveLength(3);
    const { inferences, spared, isOpen } = gated.listener.statistics();
    expect(isOpen).toBe(false);
    expect(inferences + spared).toBe(1000);
    // Two openings: lead, word or words, hold.
    expect(inferences).toBeGreaterThan(2 * 80);
    expect(inferences).toBeLessThan(2 * 80 + 3 * 50);
    expect(gated.times.every((time, i) => i === 0 || time > gated.times[i - 1])).toBe(true);
    expect(gated.times[0]).toBeCloseTo(1.52, 1);
  });

  it("restarts a model that keeps a state, with the samples before the voice", () => {
    const model = loudModel();
    hear(model, sound(10, words), { ...options, warmUp: 3, gate: { hold: 300 } });
    expect(model.resets).toBe(2);
  });

  it("opens for a voice model, averaged", () => {
    const voice = fakeModel({
      window: 512,
      metadata: { listen: { threshold: 0.3, smoothing: 2 } },
      answer: (samples) => [loudest(samples)],
    });
    const { listener, detections } = hear(loudModel(), sound(10, words), {
      ...options,
      gate: { model: voice },
    });
    expect(detections.map(({ time }) => time)).toEqual([2.01, 6.01, 6.51]);
    expect(voice.seen).toHaveLength(Math.floor(160_000 / 512));
    expect(listener.statistics().spared).toBeGreaterThan(500);
  });

  it("gives the same for every cut of the samples", () => {
    const random = randomFrom(9);
    const samples = sound(10, words).map((sample) => sample + random.real(-0.002, 0.002));
    const [first, ...others] = [1, 128, 1000, samples.length].map((chunk) =>
      hear(loudModel(200), samples, { ...options, hop: 100, gate: {} }, chunk),
    );
    expect(first.detections).toHaveLength(3);
    for (const { times, detections } of others) {
      expect(detections).toEqual(first.detections);
      expect(times).toEqual(first.times);
    }
  });

  it("closes in a steady noise", () => {
    const { listener } = hear(loudModel(), sound(30, [[5, 25, 0.05]]), { gate: {} });
    expect(listener.statistics().isOpen).toBe(false);
  });
});

describe("a thread that must not be held up", () => {
  it("catches up later", () => {
    const model = loudModel();
    const listener = createListener(model, { burst: 2 });
    listener.push(new Float32Array(1600));
    expect(model.seen).toHaveLength(2);
    listener.push(new Float32Array(1));
    listener.push(new Float32Array(1));
    expect(listener.statistics()).toMatchObject({ inferences: 6, dropped: 0 });
  });

  it("drops samples where it can't, says how many, and goes on with the newest", () => {
    const model = loudModel();
    const listener = createListener(model, { burst: 1 });
    for (let i = 0; i < 1000; i++) listener.push(new Float32Array(512));
    const { dropped, inferences } = listener.statistics();
    expect(inferences).toBe(1000);
    expect(dropped).toBeGreaterThan(512_000 - 1000 * 160 - 3 * 16000);
    expect(dropped + inferences * 160).toBeLessThanOrEqual(512_000);
  });
});

it("forgets everything by reset()", () => {
  const samples = sound(1, [[0.5, 0.1, 1]]);
  const { listener, detections } = hear(loudModel(), samples, { smoothing: 3, gate: {} });
  listener.reset();
  expect(listener.statistics()).toMatchObject({ seconds: 0, inferences: 0, detections: 0, load: Number.NaN });
  listener.push(samples);
  expect(detections).toHaveLength(2);
  expect(detections[1]).toEqual(detections[0]);
});

it("tells what it costs", () => {
  let now = 0;
  const listener = createListener(loudModel(), { timer: createTimer(() => now++) });
  listener.push(new Float32Array(16000));
  expect(listener.statistics()).toMatchObject({ seconds: 1, inferences: 100, inferenceTime: 1, load: 0.1 });
  expect(listener.statistics().bytes).toBeGreaterThan(65536 + 4 * 2 * 16000);
});

describe("with a clock of whole milliseconds", () => {
  /** A clock that goes on by 0.01 ms whenever it is read. */
  const slow = (tick = 1) => {
    const clock = { time: 0.3, read: () => Math.floor((clock.time += 0.01) / tick) * tick };
    return clock;
  };

  it("parts of them are told apart", () => {
    const clock = slow();
    const timer = createTickTimer(clock.read);
    for (const took of [0.05, 0.4, 0.93, 2.5])
      expect(timer.time(() => void (clock.time += took))).toBeCloseTo(took, 1);
    expect([0, 16, 100, 272].map(timer.isDue)).toEqual([false, true, false, true]);
  });

  it("nothing is timed where it ticks too slowly", () => {
    const timer = createTickTimer(slow(100).read);
    expect([16, 272].some(timer.isDue)).toBe(false);
  });
});

describe("refusals", () => {
  it("of models that take no samples, by their inputs", () => {
    const model = { ...fakeModel({ window: 4, dtype: "int8", answer: () => [0] }) };
    expect(() => createListener(model)).toThrow(/found "samples" int8\[1,4\]; pack the model together/);
  });
  it("of labels that do not fit", () => {
    expect(() => createListener(loudModel(), { labels: ["a", "b"] })).toThrow(
      /expected 1 labels, one per value of output "score", got 2/,
    );
  });
  it("of numbers that make no sense", () => {
    expect(() => createListener(loudModel(), { hop: 0 })).toThrow(/"hop" expected a whole number/);
    expect(() => createListener(loudModel(), { smoothing: 1.5 })).toThrow(/"smoothing" expected/);
    expect(() => createListener(loudModel(), { steady: 0 })).toThrow(/"steady" expected/);
  });
  it("of a gate of another sample rate", () => {
    const model = fakeModel({ window: 4, metadata: { listen: { sampleRate: 8000 } }, answer: () => [0] });
    expect(() => createListener(loudModel(), { gate: { model } })).toThrow(/takes 8000 Hz.*16000 Hz/);
  });
  it("of samples after close()", () => {
    const listener = createListener(loudModel());
    listener.close();
    expect(() => listener.push(new Float32Array(1))).toThrow(/the listener has been closed/);
  });
});
