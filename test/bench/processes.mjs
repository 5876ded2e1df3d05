/** Where systems run: processes of a Node, each pinned to one core where the machine lets it, and pages of Chromium. */
import { fork, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { patchLitert } from "./litert.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const engines = join(root, "test/engines/node_modules");
const core = process.env.BENCH_CORE ?? "1";
const isPinned = spawnSync("taskset", ["-c", core, "true"]).status === 0;

/** What prepare() and block() of systems.mjs answer, asked over the process's channel. */
async function startProcess(system) {
  const script = fileURLToPath(new URL("subject-node.mjs", import.meta.url));
  const child = fork(script, [system], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
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

export const node = { name: `Node ${process.versions.node}`, start: startProcess, close: async () => {} };

const types = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-store",
};

/** The repository, and the files of `folder` under /files; isolated across origins for a clock of 5 µs. */
async function serve(folder) {
  const imports = { "@litertjs/wasm-utils": "/test/bench/node_modules/@litertjs/wasm-utils/dist/index.js" };
  const html = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module" src="/test/bench/subject-page.mjs"></script>`;
  const server = createServer(({ url }, response) => {
    const path = normalize(new URL(url, "http://x").pathname);
    if (path === "/page") {
      response.writeHead(200, { ...isolation, "content-type": "text/html" });
      response.end(html);
      return;
    }
    const file = path.startsWith("/files/") ? join(folder, path.slice(7)) : join(root, path);
    if (!existsSync(file)) return response.writeHead(404, isolation).end();
    response.writeHead(200, { ...isolation, "content-type": types[path.split(".").at(-1)] ?? "text/plain" });
    response.end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, page: `http://127.0.0.1:${server.address().port}/page` };
}

/** Undefined without Chromium or its driver. */
export async function chromium(folder) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath) || !existsSync(join(engines, "puppeteer-core"))) return undefined;
  patchLitert(fileURLToPath(new URL("node_modules", import.meta.url)));
  const driver = createRequire(join(engines, "x.js")).resolve("puppeteer-core");
  const { default: puppeteer } = await import(pathToFileURL(driver).href);
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  const browser = await puppeteer.launch({ browser: "chrome", executablePath, headless: true, args });
  const { server, page } = await serve(folder);
  return {
    name: `Chromium ${(await browser.version()).replace(/^.*\//, "")}`,
    /** A context of its own, so that systems do not share a process. */
    async start(system) {
      const context = await browser.createBrowserContext();
      const tab = await context.newPage();
      await tab.goto(page);
      await tab.evaluate(`start(${JSON.stringify(system)})`);
      return {
        prepare: (workload) => tab.evaluate(`subject.prepare(${JSON.stringify(workload)})`),
        block: () => tab.evaluate("subject.block()"),
        close: () => context.close(),
      };
    },
    close: () => browser.close().then(() => server.close()),
  };
}
