// Serves the panel on this machine: node examples/panel/serve.mjs [port]. Needs `npm run build` in the root once.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));

const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".mjs": "text/javascript",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** Nothing inline, nothing from elsewhere; WebAssembly is compiled from the page's own files. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The page's files by address: its own, the engine's, the chart library's and the models. */
export async function collectFiles() {
  if (!existsSync(`${root}build/listen.js`)) throw new Error("the package is not built: npm run build");
  if (!existsSync(`${here}node_modules/uplot`))
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: here,
      stdio: "inherit",
    });
  const files = new Map();
  const add = (address, path) => files.set(address, readFileSync(path));
  add("/", `${here}index.html`);
  for (const name of readdirSync(`${here}page`)) add(`/page/${name}`, `${here}page/${name}`);
  for (const name of ["listen.js", "listen-processor.js", "relaxed.wasm", "simd.wasm", "scalar.wasm"])
    add(`/engine/${name}`, `${root}build/${name}`);
  for (const name of ["uPlot.esm.js", "uPlot.min.css"])
    add(`/uplot/${name}`, `${here}node_modules/uplot/dist/${name}`);
  const models = [];
  for (const { name, bytes, title } of await collectModels()) {
    files.set(`/models/${name}`, bytes);
    models.push({ file: `models/${name}`, title });
  }
  files.set("/models.json", Buffer.from(JSON.stringify(models)));
  files.set("/service-worker.js", serviceWorker(files));
  return files;
}

/** The models of the examples beside this one, packed at the first start, and every packed model in models/. */
async function collectModels() {
  const { loadModelSync } = await import("../../build/index.js");
  const made = `${root}build/panel`;
  if (!existsSync(made)) {
    const { packKeyword } = await import("../keyword/pack.mjs");
    const { packWakeWord } = await import("../wake-word/pack.mjs");
    const packed = { "keyword.nbl": packKeyword(), "wake-word.nbl": packWakeWord() };
    mkdirSync(made, { recursive: true });
    for (const [name, bytes] of Object.entries(packed)) writeFileSync(`${made}/${name}`, bytes);
  }
  const folder = `${here}models`;
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".nbl")) : [];
  const paths = [
    ...readdirSync(made).map((name) => `${made}/${name}`),
    ...names.map((name) => `${folder}/${name}`),
  ];
  return paths.map((path) => {
    const bytes = readFileSync(path);
    const name = path.split("/").at(-1);
    return { name, bytes, title: loadModelSync(bytes, { name }).metadata?.listen?.title ?? name };
  });
}

/** What it keeps is named after the files' contents, so that a change of any of them brings a new one. */
function serviceWorker(files) {
  const digest = createHash("sha256");
  for (const [address, bytes] of files) digest.update(address).update(bytes);
  const head = `const version = "${digest.digest("hex").slice(0, 16)}";\nconst files = ${JSON.stringify([...files.keys()])};\n`;
  return Buffer.concat([Buffer.from(head), readFileSync(`${here}service-worker.js`)]);
}

/** @returns the listening server; its files are read once. */
export async function servePanel(port = 0) {
  const files = await collectFiles();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const body = files.get(pathname);
    const headers = {
      "content-security-policy": policy,
      "cache-control": "no-cache",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    };
    if (!body) return response.writeHead(404, headers).end("not found");
    const type = pathname === "/" ? types[".html"] : (types[extname(pathname)] ?? "application/octet-stream");
    response.writeHead(200, { ...headers, "content-type": type, "content-length": body.length }).end(body);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await servePanel(Number(process.argv[2] ?? 8080));
  console.log(`The panel listens at http://localhost:${server.address().port}/ (Ctrl+C ends it)`);
}
