import type { ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, browserEngine } from "./browser-engine.ts";
import type { Engine, Stage } from "./engine.ts";
import { within } from "./process.ts";
import { launchWebKit } from "./webkit.ts";

/** Chromium over CDP, Firefox over WebDriver BiDi. */
async function launch(
  { home }: Stage,
  browser: "chrome" | "firefox",
  executablePath: string,
): Promise<Browser> {
  const path = createRequire(join(home, "package.json")).resolve("puppeteer-core");
  const { default: puppeteer } = await import(pathToFileURL(path).href);
  const launched: Browser & { process(): ChildProcess | null } = await puppeteer.launch({
    browser,
    executablePath,
    headless: true,
    timeout: 60_000,
    protocolTimeout: 90_000,
    args: browser === "chrome" ? chromeArguments : [],
    ...(browser === "firefox" && { extraPrefsFirefox: firefoxPreferences }),
  });
  return {
    version: () => launched.version(),
    newPage: () => launched.newPage(),
    close: () => within(20, launched.close()).catch(() => void launched.process()?.kill("SIGKILL")),
  };
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

export const browsers: Engine[] = [
  browserEngine({
    name: "Chromium",
    apt: ["chromium"],
    launch: (stage) => launch(stage, "chrome", "/usr/bin/chromium"),
  }),
  browserEngine({
    name: "Firefox",
    apt: ["firefox-esr"],
    launch: (stage) => launch(stage, "firefox", "/usr/bin/firefox-esr"),
  }),
  browserEngine({
    name: "WebKitGTK",
    apt: ["webkit2gtk-driver", "xvfb"],
    refuses: { relaxed: "JavaScriptCore has no relaxed SIMD" },
    // Under this policy it compiles asynchronously, and refuses to make instances of what it compiled.
    allows: {
      "compileEngine under CSP `script-src 'self'`":
        /^unsupported-engine: .*a module does not start \(Refused .*'wasm-unsafe-eval'/s,
    },
    launch: launchWebKit,
  }),
];
