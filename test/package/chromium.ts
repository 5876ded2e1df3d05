import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { stop, within } from "../engines/process.ts";

const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
};

/**
 * Serves `folder` to Chromium under a policy that allows no more than the package asks for, with `script` in a page as
 * `<script type="module">`. Answers what the script hands to `answer`, or the error that it ended with.
 */
export async function askPage(chromium: string, folder: string, script: string): Promise<string> {
  const made: Record<string, string> = {
    "/": `<!doctype html><script src="/hear.js"></script><script type="module" src="${script}"></script>`,
    "/hear.js": `
      var answer = (body) => fetch("/answer", { method: "POST", body });
      onerror = (message) => answer(String(message));
      onunhandledrejection = ({ reason }) => answer(String(reason));`,
  };
  let hear: (text: string) => void;
  const heard = new Promise<string>((resolve) => (hear = resolve));
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    if (pathname === "/answer") {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part);
      hear(Buffer.concat(parts).toString());
      response.end();
      return;
    }
    try {
      const body = made[pathname] ?? readFileSync(join(folder, pathname));
      response.setHeader("Content-Type", types[extname(pathname) || ".html"] ?? "application/octet-stream");
      response.setHeader("Content-Security-Policy", "script-src 'self' 'wasm-unsafe-eval'");
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", ...quiet];
  const browser = spawn(chromium, [...flags, `--user-data-dir=${join(folder, ".chromium")}`, url], {
    stdio: "ignore",
  });
  try {
    return await within(60, heard);
  } finally {
    await stop(browser);
    server.closeAllConnections();
    server.close();
  }
}
