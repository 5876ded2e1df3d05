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
        const format = `${label} {bar} {value}/{total}, {eta_formatted} left`;
        bar = new SingleBar(
          // The work never yields to a signal handler: Ctrl-C has to end the process by itself, at once.
          { format, stream: stderr, clearOnComplete: true, gracefulExit: false },
          Presets.shades_classic,
        );
        bar.start(total, done);
      }
      bar.update(done);
    },
    stop,
  };
}

/** Runs `work` with a bar, which is gone when the work ends or throws. */
export function withProgress<T>(io: Io, work: (bar: ProgressBar) => T): T {
  const bar = progressBar(io);
  try {
    return work(bar);
  } finally {
    bar.stop();
  }
}
