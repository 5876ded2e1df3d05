/** The browsers that the panel is checked in: Chromium over its debugging pipe, Firefox by puppeteer where that is installed. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { stop, within } from "../../engines/process.ts";
import { missingPulse, startPulse } from "./pulse.ts";

export interface Page {
  goto(url: string): Promise<void>;
  /** The value of an expression, awaited; it is run as by a person, with leave to make sound. */
  evaluate<T>(expression: string): Promise<T>;
  /** A PNG; absent where the browser is not asked for pictures. */
  screenshot?(size: { width: number; height: number; scale: number; dark: boolean }): Promise<Uint8Array>;
  /** Bytes of the JavaScript heap after a collection; absent where the browser does not tell. */
  heap?(): Promise<number>;
  grant?(allowed: boolean): Promise<void>;
}

export interface Browser {
  name: string;
  version: string;
  page: Page;
  close(): Promise<void>;
}

const chromium = "/usr/bin/chromium";
const firefox = "/usr/bin/firefox-esr";
const engines = resolve("test/engines");

/** Why a browser is not there, or undefined. */
export function missing(name: "chromium" | "firefox"): string | undefined {
  if (name === "chromium") return existsSync(chromium) ? undefined : `no ${chromium}`;
  if (!existsSync(firefox)) return `no ${firefox}`;
  return existsSync(join(engines, "node_modules/puppeteer-core"))
    ? missingPulse()
    : "no puppeteer-core: npm ci in test/engines";
}

/** Chromium with a microphone that plays `wav` over and over. */
export async function launchChromium(wav: string): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "panel-"));
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${wav}`,
    `--user-data-dir=${profile}`,
  ];
  const child = spawn(chromium, [...flags, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const [, , , into, out] = child.stdio as unknown as [null, null, null, Writable, Readable];
  const send = converse(into, out);
  const { product } = await within(120, send("Browser.getVersion"));
  const { targetInfos } = await send("Target.getTargets");
  const { targetId } = targetInfos.find(({ type }: { type: string }) => type === "page");
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const ask = (method: string, params = {}) => send(method, params, sessionId);
  const page: Page = {
    async goto(url) {
      await ask("Page.enable");
      await ask("Page.navigate", { url });
    },
    async evaluate(expression) {
      const { result, exceptionDetails } = await ask("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
        userGesture: true,
      });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    async screenshot({ width, height, scale, dark }) {
      await ask("Emulation.setEmulatedMedia", {
        features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
      });
      await ask("Emulation.setDeviceMetricsOverride", {
        width,
        height,
        deviceScaleFactor: scale,
        mobile: width < 600,
      });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const { data } = await ask("Page.captureScreenshot", { captureBeyondViewport: height === 0 });
      return Buffer.from(data, "base64");
    },
    async heap() {
      await ask("HeapProfiler.collectGarbage");
      const { usedSize } = await ask("Runtime.getHeapUsage");
      return usedSize;
    },
    async grant(allowed) {
      const permission = { name: "microphone" };
      await send("Browser.setPermission", { permission, setting: allowed ? "granted" : "denied" });
    },
  };
  return {
    name: "Chromium",
    version: product.replace(/^.*\//, ""),
    page,
    async close() {
      await stop(child);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: answers of the debugging protocol
type Send = (method: string, params?: object, sessionId?: string) => Promise<any>;

/** Commands and answers, JSON with a zero byte after each. */
function converse(into: Writable, out: Readable): Send {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let text = "";
  let last = 0;
  out.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (text + chunk).split("\0");
    text = parts.pop()!;
    for (const part of parts) {
      const { id, result, error } = JSON.parse(part);
      const asked = waiting.get(id);
      waiting.delete(id);
      if (error) asked?.reject(new Error(error.message));
      else asked?.resolve(result);
    }
  });
  out.on("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("the browser has ended"));
  });
  return (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      into.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    });
}

/** Firefox on a sound server of its own, whose microphone hears what pages play. */
export async function launchFirefox(): Promise<Browser> {
  const pulse = await startPulse();
  const path = createRequire(join(engines, "package.json")).resolve("puppeteer-core");
  const { default: puppeteer } = await import(pathToFileURL(path).href);
  const launched = await puppeteer.launch({
    browser: "firefox",
    executablePath: firefox,
    headless: true,
    timeout: 60_000,
    protocolTimeout: 120_000,
    env: { ...process.env, ...pulse.env },
    extraPrefsFirefox: {
      "app.update.auto": false,
      "datareporting.policy.dataSubmissionEnabled": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
      "media.autoplay.default": 0,
      "media.autoplay.block-webaudio": false,
      "media.autoplay.blocking_policy": 0,
      "media.navigator.permission.disabled": true,
    },
  });
  const page = await launched.newPage();
  return {
    name: "Firefox",
    version: (await launched.version()).replace(/^.*\//, ""),
    page: {
      goto: (url) => page.goto(url),
      evaluate: (expression) => page.evaluate(expression),
      async screenshot({ width, height }) {
        await page.setViewport({ width, height });
        await new Promise((resolve) => setTimeout(resolve, 1500));
        return page.screenshot();
      },
    },
    async close() {
      await within(20, launched.close()).catch(() => launched.process()?.kill("SIGKILL"));
      await pulse.close();
    },
  };
}
