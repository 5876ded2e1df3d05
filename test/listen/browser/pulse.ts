/** A sound server without devices: what is played is what its microphone hears. Firefox starts no audio context without one. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stop } from "../../engines/process.ts";

const program = "/usr/bin/pulseaudio";

export const missingPulse = (): string | undefined =>
  existsSync(program) ? undefined : `no ${program}, and without a sound server it starts no audio context`;

export interface Pulse {
  /** For programs that are to use it. */
  env: Record<string, string>;
  close(): Promise<void>;
}

export async function startPulse(): Promise<Pulse> {
  const folder = mkdtempSync(join(tmpdir(), "pulse-"));
  const socket = join(folder, "native");
  const home = join(folder, "home");
  mkdirSync(home, { mode: 0o700 });
  const modules = [
    `module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
    "module-null-sink sink_name=speaker",
    "module-remap-source master=speaker.monitor source_name=microphone",
  ];
  const child: ChildProcess = spawn(
    program,
    [
      "-n",
      "--daemonize=no",
      "--exit-idle-time=-1",
      "--use-pid-file=no",
      ...modules.flatMap((m) => ["-L", m]),
      "-C",
    ],
    { stdio: ["pipe", "ignore", "ignore"], env: { ...process.env, HOME: home, XDG_RUNTIME_DIR: home } },
  );
  child.stdin!.write("set-default-source microphone\nset-default-sink speaker\n");
  for (let tries = 0; !existsSync(socket); tries++) {
    if (tries > 100 || child.exitCode !== null) throw new Error("pulseaudio did not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    // Without a wish a sink without a device buffers two seconds.
    env: { PULSE_SERVER: `unix:${socket}`, PULSE_LATENCY_MSEC: "20" },
    async close() {
      await stop(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
