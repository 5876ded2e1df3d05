import { Presets, SingleBar } from "cli-progress";
import type { Io } from "./io.ts";

export interface ProgressBar {
  update(label: string, done: number, total?: number): void;
  stop(): void;
}

const silent: ProgressBar = { update: () => {}, stop: () => {} };

/** A bar on stderr that leaves no trace; nothing where stderr is not a terminal. */
function progressBar({ stderr }: Io): ProgressBar {
  if (!stderr.isTTY) return silent;
  let bar: SingleBar | undefined;
  let current = "";
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    update(label, done, total = 0) {
      if (!bar || label !== current) {
        stop();
        current = label;
        const format = `${label} {bar} {value}/{total}, {duration_formatted} so far, {eta_formatted} left`;
        bar = new SingleBar(
          // Ctrl-C ends the work, which stops the bar; where it can't, the process has to end by itself, at once.
          { format, stream: stderr, clearOnComplete: true, gracefulExit: false, etaAsynchronousUpdate: true },
          Presets.shades_classic,
        );
        bar.start(total, done);
      }
      bar.setTotal(total);
      bar.update(done);
    },
    stop,
  };
}

/** Runs `work` with a bar, which is gone when the work ends or throws. Work on other threads lets the bar move by itself. */
export function withProgress<T>(io: Io, work: (bar: ProgressBar) => T): T {
  const bar = progressBar(io);
  let isLater = false;
  try {
    const result = work(bar);
    isLater = result instanceof Promise;
    return isLater ? ((result as Promise<unknown>).finally(bar.stop) as T) : result;
  } finally {
    if (!isLater) bar.stop();
  }
}
