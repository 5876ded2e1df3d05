import { NibbleError } from "../runtime/errors.ts";

/** What can come between a page and its audio. */
export type ProblemKind =
  | "denied"
  | "no-microphone"
  | "busy"
  | "insecure"
  | "no-audio-worklet"
  | "unplugged"
  | "muted"
  | "suspended"
  | "rate-changed"
  | "failed";

export interface Problem {
  kind: ProblemKind;
  /** For a person: what happened, and what they can do. */
  message: string;
  /** The listener goes on by itself as soon as it can. */
  recovers: boolean;
}

const texts: Record<ProblemKind, string> = {
  denied: "the microphone was not allowed; allow it for this page in the browser's settings and start again",
  "no-microphone": "no microphone was found; plug one in and start again",
  busy: "the microphone can't be opened, perhaps because another program uses it; close that and start again",
  insecure:
    "the browser gives no microphone to this page, because it was not loaded over HTTPS or from localhost",
  "no-audio-worklet":
    "this browser or page has no AudioWorklet; use a current browser, over HTTPS or from localhost",
  unplugged: "the microphone is gone; listening goes on when it, or another one, is there",
  muted: "the microphone is muted by the system or its switch; listening goes on when it is not",
  suspended: "the browser has suspended the audio; listening goes on when the page is in use again",
  "rate-changed": "the audio device has changed its sample rate; listening starts afresh with the new one",
  failed: "listening has stopped",
};

export const problemOf = (kind: ProblemKind, recovers: boolean, detail?: string): Problem => ({
  kind,
  message: detail ? `${texts[kind]} (${detail})` : texts[kind],
  recovers,
});

const byName: Record<string, ProblemKind> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "no-microphone",
  OverconstrainedError: "no-microphone",
  NotReadableError: "busy",
  AbortError: "busy",
};

/** What getUserMedia's rejection means. */
export const kindOf = (cause: unknown): ProblemKind =>
  byName[(cause as Error | undefined)?.name ?? ""] ?? "failed";

/** An error to reject with: code "audio", and the kind as `problem`. */
export function audioError(kind: ProblemKind, cause?: unknown): NibbleError & { problem: ProblemKind } {
  const detail = kind === "failed" && cause instanceof Error ? cause.message : undefined;
  const { message } = problemOf(kind, false, detail);
  return Object.assign(new NibbleError("audio", `listening: ${message}`, { cause }), { problem: kind });
}
