/** Pages of Chromium that a loopback server gives the repository to, each in a browser context of its own. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { patchLitert } from "./litert.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const engines = join(root, "test/engines/node_modules");
const modules = "/test/bench/node_modules";
const types = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };
/** Isolated across origins, for a clock of 5 µs. */
const headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-store",
};

/** The repository, the files of `folder` under /files, and a page that runs a script of this folder. */
async function serve(script, folder) {
  const imports = { "@litertjs/wasm-utils": `${modules}/@litertjs/wasm-utils/dist/index.js` };
  const html = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module" src="/test/bench/${script}"></script>`;
  const server = createServer(({ url }, response) => {
    const path = normalize(new URL(url, "http://x").pathname);
    const answer = (type, body) => response.writeHead(200, { ...headers, "content-type": type }).end(body);
    if (path === "/page") return answer("text/html", html);
    const file = path.startsWith("/files/") ? join(folder, path.slice(7)) : join(root, path);
    if (!existsSync(file)) return response.writeHead(404, headers).end();
    answer(types[path.split(".").at(-1)] ?? "text/plain", readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, page: `http://127.0.0.1:${server.address().port}/page` };
}

/** Opens pages that run `script`, a file of this folder. Undefined without Chromium or its driver. */
export async function launchChromium(script, folder) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath) || !existsSync(join(engines, "puppeteer-core"))) return undefined;
  patchLitert(fileURLToPath(new URL("node_modules", import.meta.url)));
  const driver = createRequire(join(engines, "x.js")).resolve("puppeteer-core");
  const { default: puppeteer } = await import(pathToFileURL(driver).href);
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  const browser = await puppeteer.launch({ browser: "chrome", executablePath, headless: true, args });
  const { server, page } = await serve(script, folder);
  return {
    name: `Chromium ${(await browser.version()).replace(/^.*\//, "")}`,
    /** The value of an expression in a fresh page, by evaluate(). */
    async open() {
      const context = await browser.createBrowserContext();
      const tab = await context.newPage();
      await tab.goto(page);
      return { evaluate: (expression) => tab.evaluate(expression), close: () => context.close() };
    },
    close: () => browser.close().then(() => server.close()),
  };
}
