/** What a search must keep to, and what it makes small. */

import { NibbleError } from "../runtime/errors.ts";

export interface Budget {
  /** Bytes of the packed file. */
  size?: number;
  /** Microseconds of one inference, here. */
  latency?: number;
  /** Percentage points: of accuracy where samples have labels, else of samples that change class. */
  loss?: number;
  /** dB of the outputs, at least. */
  sqnr?: number;
}

/** What is measured of one packed model. */
export interface Measured {
  bytes: number;
  /** Undefined where time was not measured. */
  micros?: number;
  /** Percentage points; for models that name no class, undefined. */
  points?: number;
  /** Mean Kullback-Leibler divergence of the scores in nats, or else the noise of the outputs over their power. */
  error: number;
  /** dB; null where every value is exact. */
  sqnr: number | null;
}

export type Objective = "loss" | "size" | "latency";

/** The first of loss, size and latency that has no bound; all three bounded, the loss. */
export function objectiveOf({ size, latency, loss, sqnr }: Budget): Objective {
  if (loss === undefined && sqnr === undefined) return "loss";
  if (size === undefined) return "size";
  return latency === undefined ? "latency" : "loss";
}

/** Shares are fractions of samples: a loss of exactly the bound passes. */
const margin = 1e-9;

/** Which bounds a model breaks, in words. */
export function brokenBounds(budget: Budget, found: Measured): string[] {
  const { size = Infinity, latency = Infinity, loss = Infinity, sqnr = -Infinity } = budget;
  const broken: string[] = [];
  if (found.bytes > size) broken.push(`${found.bytes} bytes, at most ${size}`);
  if ((found.micros ?? 0) > latency) broken.push(`${found.micros!.toFixed(1)} µs, at most ${latency}`);
  if ((found.points ?? 0) > loss + margin)
    broken.push(`${found.points!.toFixed(2)} points lost, at most ${loss}`);
  if (found.sqnr !== null && found.sqnr < sqnr) broken.push(`${found.sqnr.toFixed(1)} dB, at least ${sqnr}`);
  return broken;
}

/** What a model loses; to be right more often than the float model is luck, and no merit. */
const lost = ({ points = 0 }: Measured): number => Math.max(0, points);

/** Below 0 where `a` serves the objective better; what is no objective decides between equals. */
export function compareBy(objective: Objective, a: Measured, b: Measured): number {
  const loss = lost(a) - lost(b) || a.error - b.error;
  const size = a.bytes - b.bytes;
  const latency = (a.micros ?? 0) - (b.micros ?? 0);
  if (objective === "loss") return loss || size || latency;
  return objective === "size" ? size || loss || latency : latency || size || loss;
}

/** Whether `a` is as good as `b` in everything that counts, and better in something. */
export function dominates(a: Measured, b: Measured, withLatency: boolean): boolean {
  const differences = [
    lost(a) - lost(b),
    a.error - b.error,
    a.bytes - b.bytes,
    withLatency ? (a.micros ?? 0) - (b.micros ?? 0) : 0,
  ];
  return (
    differences.every((difference) => difference <= 0) && differences.some((difference) => difference < 0)
  );
}

const units: Record<string, Record<string, number>> = {
  size: { "": 1, B: 1, kB: 1e3, MB: 1e6, KiB: 1024, MiB: 1024 ** 2 },
  latency: { "": 1, us: 1, µs: 1, ms: 1e3, s: 1e6 },
  loss: { "": 1, points: 1 },
  sqnr: { "": 1, dB: 1 },
};

/**
 * Reads "size=60kB", "latency=200us", "loss=0.5" and "sqnr=25dB".
 *
 * @throws NibbleError "bad-input" naming what is not understood.
 */
export function parseBudget(text: string, known: Budget = {}): Budget {
  const [, key = "", number = "", unit = ""] = /^(\w+)=(-?[\d.]+)\s*([a-zA-Zµ]*)$/.exec(text) ?? [];
  const factor = Object.hasOwn(units, key) ? units[key]![unit] : undefined;
  const value = Number(number) * (factor ?? Number.NaN);
  if (Number.isFinite(value) && (key === "sqnr" || value >= 0)) return { ...known, [key]: value };
  throw new NibbleError(
    "bad-input",
    `budget "${text}": expected size=60kB, latency=200us, loss=0.5 (percentage points) or sqnr=25dB`,
  );
}
