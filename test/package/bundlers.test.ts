import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModelSync } from "../../src/index.ts";
import { installLocked } from "../engines/install.ts";
import { clipFeatures, packModels } from "../engines/models.ts";
import { output } from "../engines/process.ts";
import { tiers } from "../helpers/tiers.ts";
import { askPage } from "./chromium.ts";
import { installPacked, isBuilt, type Project, root } from "./installed.ts";

/** For what bundles: seconds of work, more where other tests run beside it. */
const seconds = 110;
const home = join(root, "test/package/bundlers");
const missing = isBuilt ? await installLocked(home) : "not built";
const chromium = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const skipped = missing ? ` (skipped: ${missing})` : "";

describe.skipIf(missing)(`the packed package, bundled${skipped}`, () => {
  let project: Project;
  let label: string;
  let logits: number[];

  const inProject = (...path: string[]): string => join(project.folder, ...path);
  const program = (name: string): string => join(home, "node_modules/.bin", name);
  const bundle = (name: string) =>
    output(process.execPath, [join(home, "bundle.mjs"), name, project.folder], { seconds });

  /** The React Native example as a project, beside whose dependencies the bundlers are. */
  beforeAll(async () => {
    mkdirSync(join(home, "build"), { recursive: true });
    project = installPacked(join(home, "build"));
    cpSync(join(root, "examples/react-native"), project.folder, { recursive: true });
    for (const file of ["main.js", "page.js", "stubs"])
      cpSync(join(home, file), inProject(file), { recursive: true });

    const { bytes } = packModels(root, undefined).models[0]!;
    const features = clipFeatures(root);
    writeFileSync(inProject("keyword.nbl"), bytes);
    writeFileSync(inProject("clip.f32"), new Uint8Array(features.buffer));
    const clip = join(root, "examples/keyword/clips/yes_0.wav");
    await output(process.execPath, ["embed.mjs", "keyword.nbl", clip], { cwd: project.folder });

    const model = loadModelSync(bytes, { tier: "scalar" });
    logits = [...(model.run({ features }).logits as Float32Array)];
    const { labels } = model.metadata as { labels: string[] };
    label = labels[logits.indexOf(Math.max(...logits))]!;
    expect(label).toBe("yes");
  }, 60_000);
  afterAll(() => project?.remove());

  test.each(["esbuild", "vite", "webpack"])("%s: its output runs in Node", async (name) => {
    await bundle(name);
    const found = JSON.parse(await output(process.execPath, [inProject("out", name, "main.mjs")]));
    expect(found).toEqual({ label, share: expect.any(Number), tier: tiers[0], logits });
  });

  describe.skipIf(!chromium)(`in a page${chromium ? "" : " (skipped: no Chromium)"}`, () => {
    const answerOf = async (folder: string, script: string) => {
      const text = await askPage(chromium!, folder, script);
      expect(text).toMatch(/^\{/);
      return JSON.parse(text);
    };
    test.each(["vite", "webpack"])("%s: its output finds the model beside it", async (name) => {
      expect(await answerOf(inProject("out", name), "/page.mjs")).toEqual({ tier: "relaxed", logits });
    });

    test('<script type="module"> without a bundler', async () => {
      const text = readFileSync(inProject("page.js"), "utf8");
      writeFileSync(
        inProject("plain.mjs"),
        text.replace('"nibblenet"', '"/node_modules/nibblenet/build/index.js"'),
      );
      expect(await answerOf(project.folder, "/plain.mjs")).toEqual({ tier: "relaxed", logits });
    });
  });

  test("wrangler: what deploy uploads answers in workerd", async () => {
    for (const file of ["worker.mjs", "wrangler.toml"])
      copyFileSync(join(root, "examples/worker", file), inProject(file));
    const settings = inProject(".wrangler-home");
    await output(program("wrangler"), ["deploy", "--dry-run", "--outdir", "out/worker"], {
      cwd: project.folder,
      env: {
        CI: "1",
        WRANGLER_SEND_METRICS: "false",
        XDG_CONFIG_HOME: settings,
        WRANGLER_LOG_PATH: settings,
      },
    });
    const { resolve } = createRequire(createRequire(join(home, "package.json")).resolve("wrangler"));
    const { Miniflare } = await import(pathToFileURL(resolve("miniflare")).href);
    const worker = new Miniflare({
      rootPath: inProject("out/worker"),
      modulesRoot: inProject("out/worker"),
      modules: true,
      scriptPath: "worker.js",
      modulesRules: [
        { type: "CompiledWasm", include: ["**/*.wasm"] },
        { type: "Data", include: ["**/*.nbl"] },
      ],
      compatibilityDate: "2026-04-01",
      cf: false,
      port: 0,
    });
    try {
      const body = readFileSync(inProject("clip.f32"));
      const response = await worker.dispatchFetch("http://localhost/", { method: "POST", body });
      expect(await response.json()).toEqual({ heard: label, logits });
    } finally {
      await worker.dispose();
    }
  });

  describe("Metro, with React Native's configuration, and Hermes", () => {
    /** Bundles for a phone and runs the outcome in the Hermes VM. */
    async function runInHermes(entry: string, packageExports: "on" | "off", ...flags: string[]) {
      const out = inProject("out", `metro-${entry}-${packageExports}.js`);
      mkdirSync(inProject("out"), { recursive: true });
      const config = ["--config", join(home, "metro.cjs"), "--max-workers", "1", "--reset-cache"];
      await output(
        program("metro"),
        ["build", `${entry}.js`, "--out", out, "--platform", "android", ...config, ...flags],
        { cwd: project.folder, seconds, env: { PROJECT: project.folder, PACKAGE_EXPORTS: packageExports } },
      );
      const text = readFileSync(out, "utf8");
      // The default entry runs here too, on its script tier, but carries all the WebAssembly.
      expect(text.includes("WebAssembly.Instance"), "the entry without WebAssembly was taken").toBe(false);
      writeFileSync(out, `globalThis.answer = print;\n${text}`);
      return JSON.parse(
        await output(join(home, "node_modules/hermes-engine-cli/linux64-bin/hermes"), ["-w", out]),
      );
    }

    const answer = () => ({ label, share: expect.any(Number), tier: "script", logits });

    test("a development bundle, package exports on", async () => {
      expect(await runInHermes("main", "on", "--dev", "true", "--minify", "false")).toEqual(answer());
    });

    test("a release bundle, package exports off", async () => {
      expect(await runInHermes("main", "off", "--dev", "false", "--minify", "true")).toEqual(answer());
    });

    test("the example's screen, on stand-ins for React", async () => {
      const { name, texts } = await runInHermes("index", "on", "--dev", "false", "--minify", "true");
      expect(name).toBe("NibblenetKeyword");
      expect(texts).toEqual([expect.stringMatching(/^yes \(\d+ %, script tier\)$/)]);
    });
  });

  test("publint finds nothing", async () => {
    const text = await output(program("publint"), ["run", project.tarball, "--strict"]);
    expect(text).toContain("All good!");
  });

  test("arethetypeswrong finds nothing, for projects of modules", async () => {
    const flags = ["--no-definitely-typed", "--profile", "esm-only", "--format", "json"];
    // It fails on a fault of the profile, but lists those outside of it too.
    const { analysis, problems } = JSON.parse(await output(program("attw"), [project.tarball, ...flags]));
    const outside = ["node10", "node16-cjs"];
    const found = Object.values(problems as Record<string, { resolutionKind?: string }[]>).flat();
    expect(found.filter(({ resolutionKind }) => !outside.includes(resolutionKind!))).toEqual([]);
    expect(Object.keys(analysis.entrypoints)).toEqual(expect.arrayContaining([".", "./native", "./tools"]));
  });
});
