/** What a thread of the pool runs: one task at a time. */

import type { MessagePort } from "node:worker_threads";
import { Tinypool } from "tinypool";
import { NibbleError } from "../runtime/errors.ts";
import type { Ended } from "./pool.ts";
import { type Input, type Shared, type TaskName, type TaskProgress, tasks } from "./tasks.ts";

/** Milliseconds between two messages of one stage; the first and the last of it are always sent. */
const between = 50;

/** Called by the pool. Errors that a file or a sample causes are answered; others reject. */
export async function perform<N extends TaskName>({
  name,
  input,
  port,
}: {
  name: N;
  input: Input<N>;
  port: MessagePort;
}): Promise<Ended> {
  let [last, stage] = [0, ""];
  const onProgress: TaskProgress = (label, done, total) => {
    const now = performance.now();
    if (label === stage && now - last < between && done !== total) return;
    [last, stage] = [now, label];
    port.postMessage([label, done, total]);
  };
  try {
    return { output: await tasks[name](input as never, Tinypool.workerData as Shared, onProgress) };
  } catch (error) {
    if (!(error instanceof NibbleError)) throw error;
    return { error: { code: error.code, message: error.message } };
  } finally {
    port.close();
  }
}
