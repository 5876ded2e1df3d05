import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { Engine, Place, Stage } from "./engine.ts";
import { type Server, serve } from "./server.ts";
import type { Answer, Job } from "./subject/check.ts";

/** The part of puppeteer-core that is used here. */
interface Browser {
  version(): Promise<string>;
  newPage(): Promise<Page>;
  close(): Promise<void>;
}
interface Page {
  goto(url: string, options?: { timeout: number }): Promise<unknown>;
  evaluate(script: string): Promise<unknown>;
  close(): Promise<void>;
}

const strict = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
const strictest = "script-src 'self'; worker-src 'self'";

/** Scripts for pages import the package by its address; those that are one file hold it. */
async function bundleScripts({ home, build: folder }: Stage): Promise<void> {
  const source = (name: string): string => join(home, "subject/browser", `${name}.ts`);
  const shared = {
    outdir: join(folder, "browser"),
    bundle: true,
    platform: "neutral",
    target: "es2022",
    logLevel: "warning",
  } as const;
  await build({
    ...shared,
    entryPoints: ["page", "web-worker"].map(source),
    format: "esm",
    plugins: [
      {
        name: "by-address",
        setup({ onResolve }) {
          onResolve({ filter: /^nibblenet$/ }, () => ({
            path: "/node_modules/nibblenet/build/index.js",
            external: true,
          }));
        },
      },
    ],
  });
  const whole = {
    ...shared,
    mainFields: ["module", "main"],
    conditions: ["browser"],
    nodePaths: [join(folder, "node_modules")],
  };
  await build({ ...whole, entryPoints: [source("service-worker")], format: "iife" });
  await build({ ...whole, entryPoints: [source("audio")], format: "esm" });
}

async function launch(
  { home }: Stage,
  browser: "chrome" | "firefox",
  executablePath: string,
): Promise<Browser> {
  const path = createRequire(join(home, "package.json")).resolve("puppeteer-core");
  const { default: puppeteer } = await import(pathToFileURL(path).href);
  return puppeteer.launch({
    browser,
    executablePath,
    headless: true,
    timeout: 60_000,
    protocolTimeout: 240_000,
    args: browser === "chrome" ? chromeArguments : [],
    ...(browser === "firefox" && { extraPrefsFirefox: firefoxPreferences }),
  });
}

const chromeArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const firefoxPreferences = {
  "datareporting.policy.dataSubmissionEnabled": false,
  "app.update.auto": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "browser.safebrowsing.downloads.remote.enabled": false,
};

/** A fresh page under a policy, for the time that `use` takes. */
async function withPage<T>(
  browser: Browser,
  server: Server,
  policy: string,
  use: (page: Page) => Promise<T>,
): Promise<T> {
  const page = await browser.newPage();
  try {
    await page.goto(`${server.url}/page?csp=${encodeURIComponent(policy)}`, { timeout: 30_000 });
    return await use(page);
  } finally {
    await page.close();
  }
}

function browserEngine(
  name: string,
  kind: "chrome" | "firefox",
  apt: string,
  places: readonly string[],
  refuses: Record<string, string>,
): Engine {
  return {
    name,
    slow: true,
    apt: [apt],
    async start(stage) {
      await bundleScripts(stage);
      const server = await serve(stage.build);
      const browser = await launch(stage, kind, `/usr/bin/${apt}`);
      const run = (place: string, policy: string, job: Job): Promise<Answer> =>
        withPage(
          browser,
          server,
          policy,
          async (page) => (await page.evaluate(`places.${place}(${JSON.stringify(job)})`)) as Answer,
        );
      const placeOf = (key: string, policy: string, label: string): Place => ({
        name: `${name} ${label}`,
        refuses,
        run: (job) => run(key, policy, job),
      });
      const labels: Record<string, string> = {
        page: "page",
        worker: "Worker",
        serviceWorker: "service worker",
        audioWorklet: "AudioWorklet",
      };
      return {
        version: (await browser.version()).replace(/^.*\//, ""),
        places: [
          ...places.map((key) => placeOf(key, "", labels[key])),
          placeOf("page", strict, "page, CSP 'wasm-unsafe-eval'"),
          placeOf("worker", strict, "Worker, CSP 'wasm-unsafe-eval'"),
        ],
        extras: [
          {
            name: "a page with CSP `script-src 'self'`",
            async run() {
              const answer = await run("page", strictest, { tier: "auto", full: false, heavy: false });
              if ("result" in answer) {
                if (answer.result.tier !== "script") throw new Error(`tier ${answer.result.tier} ran`);
                return "runs on the script tier";
              }
              const { code, message } = answer.refusal;
              return expectText(`${code}: ${message}`, /^unsupported-engine: .*wasm-unsafe-eval/s);
            },
          },
          ...refusals.map(([what, pattern]) => ({
            name: what,
            run: () =>
              withPage(browser, server, "", async (page) =>
                expectText((await page.evaluate(`refusals[${JSON.stringify(what)}]()`)) as string, pattern),
              ),
          })),
        ],
        async close() {
          await browser.close();
          server.close();
        },
      };
    },
  };
}

const refusals: [what: string, message: RegExp][] = [
  ["a server that is not there", /^io: .*keyword\.nbl: fetching it failed/],
  ["a page instead of a model", /^io: .*missing\.nbl: the server answered 404/],
];

function expectText(text: string, pattern: RegExp): string {
  if (!pattern.test(text)) throw new Error(`expected an error like ${pattern}, found "${text}"`);
  return `ends in “${text.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, "…")}”`;
}

export const browsers: Engine[] = [
  browserEngine("Chromium", "chrome", "chromium", ["page", "worker", "serviceWorker", "audioWorklet"], {}),
  browserEngine("Firefox", "firefox", "firefox-esr", ["page", "worker", "serviceWorker", "audioWorklet"], {}),
];
