import { type ChildProcess, execFile, spawn } from "node:child_process";

/** What a program printed; an error with its last words when it fails or takes too long. */
export function output(
  command: string,
  args: readonly string[],
  { seconds = 60, env = {}, cwd }: { seconds?: number; env?: Record<string, string>; cwd?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      {
        timeout: seconds * 1000,
        killSignal: "SIGKILL",
        maxBuffer: 1 << 28,
        env: { ...process.env, ...env },
        ...(cwd && { cwd }),
      },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const why = error.killed ? `no end after ${seconds} s` : lastLines(stderr || stdout || error.message);
        reject(new Error(why));
      },
    );
  });
}

/** Starts a server and answers it with the first match of `ready` in what it prints. */
export function startServer(
  command: string,
  args: readonly string[],
  ready: RegExp,
  env: Record<string, string> = {},
): Promise<{ child: ChildProcess; match: RegExpExecArray }> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const read = (chunk: Buffer): void => {
      text += chunk;
      const match = ready.exec(text);
      if (!match) return;
      clearTimeout(timer);
      resolve({ child, match });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("error", reject);
    child.on("exit", () => {
      clearTimeout(timer);
      reject(new Error(`it ended before it was ready: ${lastLines(text)}`));
    });
  });
}

/** Ends a process that startServer began. */
export function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

const lastLines = (text: string): string => text.trim().split("\n").slice(-4).join(" / ").slice(-400);

/** The promise, or an error once the time is over. */
export async function within<T>(seconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}
