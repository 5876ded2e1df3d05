// Builds everything under build/: the engine's .wasm per tier, the script tier, the JavaScript entries, and types.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import asc from "assemblyscript/asc";
import { build, transform } from "esbuild";
import { makeEager, markEager } from "./compiler/eager.mjs";
import { inSharedOrder } from "./compiler/shared-order.mjs";
import { tidyScript } from "./compiler/tidy-script.mjs";

const { dependencies, peerDependencies } = JSON.parse(
  await readFile(new URL("package.json", import.meta.url), "utf8"),
);
const root = new URL(".", import.meta.url);
process.chdir(new URL(root).pathname);

await rm("build", { recursive: true, force: true });
await mkdir("build");

const compile = (target, outFile, options, flags = []) =>
  runCompiler(["--config", "asconfig.json", "--target", target, "--outFile", outFile, ...flags], options);

async function runCompiler(flags, options) {
  const { error, stderr } = await asc.main(flags, options);
  if (error) throw new Error(`asc ${flags.join(" ")}: ${error.message}\n${stderr}`);
}

/** A file under assembly/script stands for its namesake and declares as imports what src/script supplies. */
async function readScriptSource(name, base) {
  const instead = join(base, name.replace(/^assembly\//, "assembly/script/"));
  const file = existsSync(instead) ? instead : join(base, name);
  return existsSync(file) ? readFile(file, "utf8") : null;
}

/** build/wasm2js.js: the scalar build in JavaScript. */
async function buildScript() {
  await compile("scalar", "build/script.wasm", { readFile: readScriptSource });
  const wasm2js = ["node_modules/binaryen/bin/wasm2js", "build/script.wasm", "-O", "-o", "build/wasm2js.js"];
  execFileSync(process.execPath, wasm2js, { stdio: ["ignore", "inherit", "inherit"] });
  await rm("build/script.wasm");
  await writeFile("build/wasm2js.js", tidyScript(await readFile("build/wasm2js.js", "utf8")));
}

/** build/relaxed.wasm, simd.wasm, scalar.wasm. */
async function buildTiers() {
  const files = ["relaxed", "simd", "scalar"].map((target) => `build/${target}.wasm`);
  for (const file of files) await compile(basename(file, ".wasm"), file, {}, ["--debug"]);
  const builds = inSharedOrder(await Promise.all(files.map((file) => readFile(file))));
  for (const [i, file] of files.entries()) await writeFile(file, builds[i]);
}

/** build/wasm-text.js: the WebAssembly builds in characters, and the module that decodes them. */
async function buildText() {
  const { code } = await transform(await readFile("src/wasm-text/encode.ts", "utf8"), { loader: "ts" });
  const { encodeModule } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const flags =
    "--config none --runtime stub -O3 --shrinkLevel 2 --converge --noAssert --use abort= --initialMemory 1";
  const decoder = "build/decoder.wasm";
  await runCompiler(["assembly/text/decode.ts", ...flags.split(" "), "--outFile", decoder]);
  let text = `export const decoder = [${[...(await readFile(decoder))]}];\n`;
  for (const name of ["relaxed", "simd", "scalar"])
    text += `export const ${name} = ${JSON.stringify(encodeModule(await readFile(`build/${name}.wasm`)))};\n`;
  await rm(decoder);
  await writeFile("build/wasm-text.js", text);
}

await buildTiers();
await buildText();
await buildScript();

/** Leaves imports that match as imports of `path`, as seen from the output; inlines those without one. */
const leave = (filter, path) => ({
  name: `leave ${filter}`,
  setup({ onResolve }) {
    onResolve({ filter }, (args) => {
      const found = path(args);
      return found && { path: found, external: true };
    });
  },
});
/** NibbleError is one class in the whole package. */
const sharedErrors = leave(/\/errors\.ts$/, ({ resolveDir, path }) =>
  join(resolveDir, path).endsWith("src/runtime/errors.ts") ? "./index.js" : undefined,
);
const wasmModules = leave(/\.wasm$/, ({ path }) => `./${basename(path)}`);
/** NibbleError without the class syntax that Hermes 0.12 does not parse. */
const errorsWithoutClasses = {
  name: "errors without classes",
  setup({ onResolve }) {
    onResolve({ filter: /\/errors\.ts$/ }, () => ({ path: join(process.cwd(), "src/script/errors.ts") }));
  },
};

const shared = {
  bundle: true,
  format: "esm",
  target: "es2022",
  logLevel: "warning",
};
const online = {
  ...shared,
  outdir: "build",
  platform: "neutral",
  mainFields: ["module", "main"],
  minify: true,
};
await build({ ...online, entryPoints: { index: "src/index.ts" }, plugins: [markEager] });
await build({ ...online, entryPoints: { workerd: "src/workerd.ts" }, plugins: [wasmModules, markEager] });
for (const file of ["build/index.js", "build/workerd.js"])
  await writeFile(file, makeEager(await readFile(file, "utf8")));
await build({ ...online, entryPoints: { listen: "src/listen.ts" } });
await build({ ...online, entryPoints: { "listen-processor": "src/listen/processor.ts" } });
await build({
  ...online,
  entryPoints: { native: "src/native.ts" },
  target: "es2015",
  plugins: [errorsWithoutClasses],
});
const offline = await build({
  ...shared,
  metafile: true,
  entryPoints: { tools: "src/tools.ts", cli: "src/cli/bin.ts", thread: "src/threads/thread.ts" },
  outdir: "build",
  platform: "node",
  splitting: true,
  chunkNames: "chunk-[hash]",
  external: Object.keys({ ...dependencies, ...peerDependencies }),
  plugins: [sharedErrors],
});

/** build/licences.txt: the licences of the packages that are part of the offline tools' files. */
async function writeLicences(files) {
  const folderOf = (file) => file.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
  const folders = [...new Set(files.flatMap((file) => folderOf(file) ?? []))].sort();
  const texts = await Promise.all(
    folders.map(async (folder) => {
      const names = (await readdir(folder)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
      const { license, author, name } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
      const parts = await Promise.all(names.map((file) => readFile(join(folder, file), "utf8")));
      const by = typeof author === "string" ? author : author?.name;
      return `${name}: ${license}${by ? `, ${by}` : ""}\n\n${parts.join("\n").trim()}\n`;
    }),
  );
  await writeFile("build/licences.txt", texts.join(`\n${"-".repeat(72)}\n\n`));
}
await writeLicences(Object.keys(offline.metafile.inputs));

const tsc = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.types.json"];
execFileSync(process.execPath, tsc, { stdio: "inherit" });
await copyFile("src/module.d.ts", "build/types/src/module.d.ts");

const shipped = ["index.js", "native.js", "workerd.js", "listen.js", "listen-processor.js"];
for (const name of [...shipped, "relaxed.wasm", "simd.wasm", "scalar.wasm"]) {
  const bytes = await readFile(`build/${name}`);
  const sizes = `${bytes.length} bytes, ${brotliCompressSync(bytes).length} under brotli`;
  console.log(`build/${name.padEnd(20)}${sizes}`);
}
