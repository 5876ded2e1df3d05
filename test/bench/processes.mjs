/** Where systems run: processes of a Node, each pinned to one core where the machine lets it, also with VNNI, and pages of Chromium. */
import { fork, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { vnniEnvironment } from "../helpers/vnni.ts";
import { launchChromium } from "./pages.mjs";

const core = process.env.BENCH_CORE ?? "1";
const isPinned = spawnSync("taskset", ["-c", core, "true"]).status === 0;

/** What prepare() and block() of systems.mjs answer, asked over the process's channel. */
async function startProcess(system, environment) {
  const script = fileURLToPath(new URL("subject-node.mjs", import.meta.url));
  const child = fork(script, [system], {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    env: { ...process.env, ...environment },
  });
  if (isPinned) spawnSync("taskset", ["-a", "-c", "-p", core, String(child.pid)], { stdio: "ignore" });
  const answer = () =>
    new Promise((resolve, reject) => {
      const isOver = () => reject(new Error(`${system}: its process ended`));
      child.once("exit", isOver);
      child.once("message", ({ value, error }) => {
        child.off("exit", isOver);
        if (error === undefined) resolve(value);
        else reject(new Error(error));
      });
    });
  await answer();
  const ask = (call, argument) => {
    const answered = answer();
    child.send({ call, argument });
    return answered;
  };
  return {
    prepare: (workload) => ask("prepare", workload),
    block: () => ask("block"),
    close: () => child.kill(),
  };
}

export const node = { name: `Node ${process.versions.node}`, start: startProcess };

/** Node with the dot product of AVX-VNNI, or what is missing for it. */
export function nodeWithVnni(folder) {
  const source = fileURLToPath(new URL("../helpers/vnni.c", import.meta.url));
  try {
    const environment = vnniEnvironment(source, join(folder, "vnni.so"), process.execPath);
    return { name: `${node.name} with VNNI`, start: (system) => startProcess(system, environment) };
  } catch (error) {
    return { missing: error.message };
  }
}

/** Each system has a page of its own, so that none share a process. Needs Chromium and its driver. */
export async function chromium(folder) {
  const browser = await launchChromium("subject-page.mjs", folder);
  if (!browser) return { missing: "it needs Chromium and `npm ci` in test/engines" };
  return {
    ...browser,
    async start(system) {
      const page = await browser.open();
      await page.evaluate(`start(${JSON.stringify(system)})`);
      return {
        prepare: (workload) => page.evaluate(`subject.prepare(${JSON.stringify(workload)})`),
        block: () => page.evaluate("subject.block()"),
        close: page.close,
      };
    },
  };
}
