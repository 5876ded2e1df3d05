import { bundleScripts } from "./browser-scripts.ts";
import type { Clip, Engine, Place, Stage } from "./engine.ts";
import { expectClip, expectHops, expectText } from "./examples.ts";
import { within } from "./process.ts";
import { type Server, serve } from "./server.ts";
import type { Answer, Job } from "./subject/check.ts";

/** The part of a driver that is used here; puppeteer-core's browser is one. */
export interface Browser {
  version(): Promise<string>;
  newPage(): Promise<Page>;
  /** Ends the browser and all it started. */
  close(): Promise<void>;
}

interface Page {
  goto(url: string, options?: { timeout: number }): Promise<unknown>;
  /** The value of an expression, awaited. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

const strict = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
const strictest = "script-src 'self'; worker-src 'self'";

/** A fresh page under a policy, for the time that `use` takes. */
async function withPage<T>(
  browser: Browser,
  server: Server,
  policy: string,
  use: (page: Page) => Promise<T>,
  path = "/page",
): Promise<T> {
  const page = await browser.newPage();
  try {
    await page.goto(`${server.url}${path}?csp=${encodeURIComponent(policy)}`, { timeout: 30_000 });
    // A driver may answer before the page's script has run.
    for (let i = 0; i < 100 && !(await page.evaluate("typeof places === 'object'")); i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return await within(90, use(page));
  } finally {
    await within(10, page.close()).catch(() => {});
  }
}

const exampleIn =
  (name: string) =>
  (page: Page): Promise<unknown> =>
    page.evaluate(`examples[${JSON.stringify(name)}]()`);

/** A browser whose pages, workers and worklets each count as a place. */
export function browserEngine({
  name,
  apt,
  refuses = {},
  allows = {},
  launch,
}: {
  name: string;
  apt: string[];
  refuses?: Record<string, string>;
  /** What this browser does where others refuse: how that has to read instead. */
  allows?: Record<string, RegExp>;
  launch(stage: Stage): Promise<Browser>;
}): Engine {
  return {
    name,
    slow: true,
    apt,
    async start(stage) {
      await bundleScripts(stage);
      const browser = await launch(stage);
      const server = await serve(stage.build);
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
          ...Object.keys(labels).map((key) => placeOf(key, "", labels[key])),
          placeOf("page", strict, "page, CSP 'wasm-unsafe-eval'"),
          placeOf("worker", strict, "Worker, CSP 'wasm-unsafe-eval'"),
        ],
        extras: [
          {
            name: "a page with CSP `script-src 'self'`",
            async run() {
              const answer = await run("page", strictest, { tier: "auto", full: false });
              if ("result" in answer) {
                if (answer.result.tier !== "script") throw new Error(`tier ${answer.result.tier} ran`);
                return "runs on the script tier";
              }
              const { code, message } = answer.refusal;
              return expectText(`${code}: ${message}`, /^unsupported-engine: .*wasm-unsafe-eval/s);
            },
          },
          {
            name: "examples/service-worker",
            run: () =>
              withPage(
                browser,
                server,
                "",
                exampleIn("examples/service-worker"),
                "/service-worker/page",
              ).then((answer) => expectClip(answer as Clip, stage)),
          },
          {
            name: "examples/audio-worklet",
            run: () =>
              withPage(browser, server, "", exampleIn("examples/audio-worklet")).then((answer) =>
                expectHops(answer as { answers: unknown[]; blocks: unknown[] }),
              ),
          },
          ...refusals.map(([what, pattern, policy = ""]) => ({
            name: what,
            run: () =>
              withPage(browser, server, policy, async (page) =>
                expectText(
                  (await page.evaluate(`refusals[${JSON.stringify(what)}]()`)) as string,
                  allows[what] ?? pattern,
                ),
              ),
          })),
        ],
        async close() {
          server.close();
          await browser.close();
        },
      };
    },
  };
}

/** What a page meets, under which policy, and how it has to read: the cause, then what to do. */
const refusals: [what: string, message: RegExp, policy?: string][] = [
  ["a server that is not there", /^io: http.*keyword\.nbl: fetching it failed \(.+\); check that its server/],
  [
    "no model at the address",
    /^io: \/missing\.nbl \(http.*\): the server answered 404.*; put a packed model.*there/,
  ],
  [
    "a page instead of a model",
    /^io: \/app\/.* \(http.*\): expected a packed model.*, found an HTML page \(text\/html.*\).*correct the address/,
  ],
  ["no engine at the address", /^io: \/missing\.wasm \(http.*\): the server answered 404.*; put an engine/],
  [
    "a page instead of an engine",
    /^io: \/app\/simd\.wasm.*expected an engine module.*, found an HTML page.*correct the address/,
  ],
  [
    "compileEngine under CSP `script-src 'self'`",
    /^unsupported-engine: .*simd\.wasm: compiling it is refused \(.+\); in a page, allow 'wasm-unsafe-eval'/,
    strictest,
  ],
  [
    "a tier asked for under CSP `script-src 'self'`",
    /^unsupported-engine: tier "simd" does not run here: .*allow 'wasm-unsafe-eval'.*"auto"/s,
    strictest,
  ],
  ["an engine served as text, to WebAssembly.compileStreaming", /MIME.*; compileEngine: tier simd$/i],
  [
    "a bundle imported as a module",
    /^(undefined: .*(module|MIME).*|no error); compiled from its bytes: init\(\) 0$/i,
  ],
  [
    "a bundle imported as a module, served as text",
    /^undefined: .*(module|MIME).*; compiled from its bytes: init\(\) 0$/i,
  ],
];
