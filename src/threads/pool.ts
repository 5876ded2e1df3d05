/** Heavy work on threads of its own, so that this one stays free for signals and the progress bar. */

import { setMaxListeners } from "node:events";
import { existsSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { NibbleError, type NibbleErrorCode } from "../runtime/errors.ts";
import { type Input, type Output, type Shared, type TaskName, type TaskProgress, tasks } from "./tasks.ts";

/** How a task ends on its thread: classes don't cross, so errors of files go as their parts. */
export type Ended = { output: unknown } | { error: { code: NibbleErrorCode; message: string } };

export interface Pool {
  /** Tasks that may run at the same time. */
  readonly threads: number;
  /**
   * Runs a task when a thread is free.
   *
   * @throws NibbleError what the task throws; "interrupted" once the signal has come.
   */
  run<N extends TaskName>(name: N, input: Input<N>, onProgress?: TaskProgress): Promise<Output<N>>;
  close(): Promise<void>;
}

export interface PoolOptions {
  threads: number;
  /** What all tasks read; every thread has a copy, or the same memory where buffers are shared. */
  shared?: Shared;
  signal?: AbortSignal | undefined;
}

/** Beside the built files; sources run their tasks in this thread. */
const threadFile = new URL("./thread.js", import.meta.url);

export async function openPool({ threads, shared, signal }: PoolOptions): Promise<Pool> {
  if (!existsSync(threadFile)) return inThisThread(shared, signal);
  const { Tinypool } = await import("tinypool");
  // Every task that waits listens to it.
  if (signal) setMaxListeners(0, signal);
  const pool = new Tinypool({
    filename: fileURLToPath(threadFile),
    name: "perform",
    minThreads: threads,
    maxThreads: threads,
    isolateWorkers: false,
    workerData: shared,
  });
  return {
    threads,
    async run(name, input, onProgress) {
      checkSignal(signal);
      const { port1, port2 } = new MessageChannel();
      port1.on("message", (progress: Parameters<TaskProgress>) => onProgress?.(...progress));
      try {
        const options = { transferList: [port2], ...(signal && { signal }) };
        const ended: Ended = await pool.run({ name, input, port: port2 }, options);
        if ("error" in ended) throw new NibbleError(ended.error.code, ended.error.message);
        return ended.output as Output<typeof name>;
      } catch (error) {
        checkSignal(signal);
        throw error;
      } finally {
        port1.close();
      }
    },
    close: () => pool.destroy(),
  };
}

function inThisThread(shared: Shared | undefined, signal: AbortSignal | undefined): Pool {
  return {
    threads: 1,
    async run(name, input, onProgress) {
      await setImmediate();
      checkSignal(signal);
      return (await tasks[name](input as never, shared!, onProgress ?? (() => {}))) as Output<typeof name>;
    },
    close: async () => {},
  };
}

/** @throws NibbleError "interrupted" once the signal has come. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new NibbleError("interrupted", "interrupted: nothing was written");
}
