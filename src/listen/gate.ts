import type { SampleRing } from "./ring.ts";
import type { Track } from "./track.ts";

/** Decides, ahead of the listening model, where in the stream there may be a voice. */
export interface Gate {
  /** Places before this one are decided. */
  readonly decided: number;
  /** The gate is open from here… */
  readonly opened: number;
  /** …to here. */
  readonly openUntil: number;
  /** Decides as far as the ring reaches. */
  advance(): void;
  reset(): void;
}

export interface Timing {
  /** Samples that the gate stays open after the last voice, and that the listening model hears before the first. */
  hold: number;
  lead: number;
}

/** `hears` runs at every place `hop` samples apart and answers whether there is a voice in the samples before it. */
function createGate(
  { hold, lead }: Timing,
  ring: SampleRing,
  detector: {
    next(): number;
    hears(): boolean;
    reset(): void;
  },
): Gate {
  let decided = 0;
  let opened = 0;
  let openUntil = 0;
  return {
    get decided() {
      return decided;
    },
    get opened() {
      return opened;
    },
    get openUntil() {
      return openUntil;
    },
    advance() {
      for (let place = detector.next(); place <= ring.end; place = detector.next()) {
        if (detector.hears()) {
          if (place > openUntil) opened = Math.max(openUntil, place - lead);
          openUntil = place + hold;
        }
        decided = place;
      }
    },
    reset() {
      detector.reset();
      decided = opened = openUntil = 0;
    },
  };
}

/** Open where a voice model's averaged probability reaches the threshold. */
export function createModelGate(
  timing: Timing,
  ring: SampleRing,
  track: Track,
  probability: () => number,
  threshold: number,
  forget: () => void,
): Gate {
  return createGate(timing, ring, {
    next: () => track.next,
    hears: () => track.step() && probability() >= threshold,
    reset() {
      forget();
      track.reset();
    },
  });
}

/** Open where the level is `decibels` above that of the quietest recent past; NaN samples count as silence. */
export function createLevelGate(timing: Timing, ring: SampleRing, hop: number, decibels: number): Gate {
  const block = new Float32Array(hop);
  /** Mean squares below −66 dB are silence in any room. */
  const silence = 2.5e-7;
  const ratio = 10 ** (decibels / 10);
  /** The floor rises by 3 dB a second or so: pauses in speech bring it down again, a steady noise ends as silence. */
  const rise = 2 ** (hop / 16000);
  let next = hop;
  let floor = silence;
  return createGate(timing, ring, {
    next: () => next,
    hears() {
      ring.read(next - hop, block);
      next += hop;
      let sum = 0;
      for (let i = 0; i < hop; i++) sum += block[i] * block[i];
      const power = sum / hop;
      if (!(power > silence)) {
        floor = silence;
        return false;
      }
      const isVoice = power > floor * ratio;
      floor = Math.min(floor * rise, power);
      if (floor < silence) floor = silence;
      return isVoice;
    },
    reset() {
      next = hop;
      floor = silence;
    },
  });
}
