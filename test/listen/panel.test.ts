import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installLocked } from "../engines/install.ts";
import { type Browser, launchChromium, missing, type Page } from "./browser/browser.ts";
import { hear, openPanel, pause, servePanel } from "./browser/hear.ts";
import { scriptedWords, wavOf } from "./words.ts";

const absent =
  missing("chromium") ??
  (existsSync("build/listen.js") ? undefined : "not built") ??
  (await installLocked(resolve("examples/panel")));

/** What the page has to say, within half a minute: machines that build may be busy. */
async function expectText(page: Page, id: string, pattern: RegExp): Promise<void> {
  let text = "";
  for (let tries = 0; tries < 150; tries++) {
    text = await page.evaluate(
      `(() => { const it = document.getElementById("${id}"); return it.closest("[hidden]") ? "" : it.textContent; })()`,
    );
    if (pattern.test(text)) return;
    await pause(200);
  }
  expect(text).toMatch(pattern);
}

const click = (page: Page, id: string): Promise<void> =>
  page.evaluate(`void document.getElementById("${id}").click()`);

/** Makes what the panel opens reachable, and lets its microphone be taken away. */
const reach = `
  globalThis.refusals = [];
  addEventListener("securitypolicyviolation", ({ violatedDirective }) => refusals.push(violatedDirective));
  const Context = AudioContext;
  globalThis.AudioContext = class extends Context {
    constructor(...options) { super(...options); globalThis.context = this; }
  };
  const Node = AudioWorkletNode;
  globalThis.AudioWorkletNode = class extends Node {
    constructor(...given) { super(...given); globalThis.posted = given[2].processorOptions.options; }
  };
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  globalThis.plugged = true;
  devices.getUserMedia = async (constraints) => {
    if (!plugged) throw new DOMException("gone", "NotFoundError");
    return (globalThis.microphone = await ask(constraints));
  };
  void 0;
`;

describe.skipIf(absent)(`the panel in Chromium${absent ? ` (skipped: ${absent})` : ""}`, () => {
  const script = scriptedWords();
  const wav = wavOf(script.samples);
  let folder: string;
  let browser: Browser;
  let panel: { url: string; close(): void };
  let page: Page;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "words-"));
    writeFileSync(join(folder, "words.wav"), wav);
    panel = await servePanel();
    browser = await launchChromium(join(folder, "words.wav"));
    ({ page } = browser);
  });
  afterAll(async () => {
    panel.close();
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  // Real time: a machine that is busy with other work may hold the page up, so it may try again.
  it("hears every word of its microphone once, under its strict policy", { retry: 3 }, async () => {
    const { headers } = await fetch(panel.url);
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/,
    );
    await page.grant!(true);
    await openPanel(page, panel.url);
    await page.evaluate(reach);
    const { said, faults, figures } = await hear(page, script, wav, 20, { kind: "file" });
    expect(faults).toEqual([]);
    expect(said).toBeGreaterThanOrEqual(9);
    expect(new Set(figures.slice(2).map(({ memory }) => memory)).size).toBe(1);
    expect(await page.evaluate("refusals")).toEqual([]);
  });

  it("says that the microphone was not allowed, and starts when it is", async () => {
    await openPanel(page, panel.url);
    await page.grant!(false);
    await click(page, "listen");
    await expectText(page, "problem-text", /^The microphone was not allowed; allow it for this page/);
    await expectText(page, "state", /^Not listening$/);
    await page.grant!(true);
    await click(page, "retry");
    await expectText(page, "state", /^Listening$/);
    await expectText(page, "problem-text", /^$/);
    await click(page, "listen");
    await expectText(page, "state", /^Not listening$/);
  });

  it("says that there is no AudioWorklet, and no microphone", async () => {
    await openPanel(page, panel.url);
    await page.evaluate(`void (globalThis.kept = AudioWorkletNode, delete globalThis.AudioWorkletNode)`);
    await click(page, "listen");
    await expectText(
      page,
      "problem-text",
      /^This browser or page has no AudioWorklet; use a current browser/,
    );
    await page.evaluate(`void (globalThis.AudioWorkletNode = kept)`);
    await page.evaluate(reach);
    await page.evaluate("void (plugged = false)");
    await click(page, "retry");
    await expectText(page, "problem-text", /^No microphone was found; plug one in/);
  });

  it("goes on after the microphone was unplugged, the audio suspended and its rate changed", async () => {
    await openPanel(page, panel.url);
    await page.evaluate(reach);
    await click(page, "listen");
    await expectText(page, "state", /^Listening$/);
    const unplug = `plugged = false; microphone.getTracks()[0].dispatchEvent(new Event("ended"));`;
    const plugIn = `plugged = true; navigator.mediaDevices.dispatchEvent(new Event("devicechange"));`;
    await page.evaluate(`void (() => { ${unplug} })()`);
    await expectText(page, "problem-text", /^The microphone is gone; listening goes on when/);
    await expectText(page, "state", /^Waiting$/);
    await page.evaluate(`void (() => { ${plugIn} })()`);
    await expectText(page, "state", /^Listening$/);

    await page.evaluate("context.suspend()");
    await expectText(page, "problem-text", /^The browser has suspended the audio; listening goes on/);
    await page.evaluate(`void document.dispatchEvent(new Event("keydown"))`);
    await expectText(page, "state", /^Listening$/);

    await page.evaluate(`void (() => {
      const slider = document.getElementById("threshold");
      slider.value = 45;
      slider.dispatchEvent(new Event("change"));
      const first = context;
      const make = first.createMediaStreamSource;
      first.createMediaStreamSource = () => { throw new DOMException("other rate", "NotSupportedError"); };
      ${unplug}
      ${plugIn}
    })()`);
    await expectText(page, "state", /^Listening$/);
    await expectText(page, "problem-text", /^$/);
    await expectText(page, "word", /^[a-z]+$/);
    expect(await page.evaluate("posted.threshold")).toBe(0.45);
    await click(page, "listen");
  });

  it("loads and hears without its server, once it was there", async () => {
    await openPanel(page, panel.url);
    await expectText(page, "offline", /^Kept on this device/);
    panel.close();
    await openPanel(page, panel.url);
    await click(page, "listen");
    await expectText(page, "word", /^[a-z]+$/);
  });
});
