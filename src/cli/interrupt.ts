import { setImmediate } from "node:timers/promises";
import { checkSignal } from "../threads/pool.ts";
import type { Io } from "./io.ts";

/** Runs `work` with a signal that comes with Ctrl-C or a request to end; what ends the work then is its own error. */
export async function interruptible<T>(io: Io, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  if (io.signal) return work(io.signal);
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) process.once(name, abort);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of signals) process.removeListener(name, abort);
  }
}

/** Lets a signal in that came while this thread was busy: what follows is done as a whole. @throws NibbleError "interrupted" */
export async function untilInterrupted(signal: AbortSignal): Promise<void> {
  await setImmediate();
  checkSignal(signal);
}
