// node bundle.mjs esbuild|vite|webpack PROJECT: bundles the project's main.js and page.js into PROJECT/out/NAME/*.mjs,
// with as few settings as each bundler allows for output that both Node and a page can load.
import { join } from "node:path";
import process from "node:process";

const [name, project] = process.argv.slice(2);
const out = join(project, "out", name);
const entries = { main: join(project, "main.js"), page: join(project, "page.js") };

const bundlers = {
  async esbuild() {
    const { build } = await import("esbuild");
    await build({
      entryPoints: { main: entries.main },
      outdir: out,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      format: "esm",
      minify: true,
      logLevel: "warning",
    });
  },
  async vite() {
    const { build } = await import("vite");
    await build({
      root: project,
      configFile: false,
      base: "./",
      logLevel: "warn",
      build: {
        outDir: out,
        target: "es2022",
        modulePreload: false,
        rollupOptions: { input: entries, output: { entryFileNames: "[name].mjs" } },
      },
    });
  },
  async webpack() {
    const { default: webpack } = await import("webpack");
    const options = {
      context: project,
      mode: "production",
      target: ["web", "es2022"],
      entry: entries,
      experiments: { outputModule: true },
      output: { path: out, filename: "[name].mjs", module: true, chunkFormat: "module" },
      // The default entry is one file that holds the whole engine.
      performance: { hints: false },
    };
    const stats = await new Promise((resolve, reject) =>
      webpack(options, (error, found) => (error ? reject(error) : resolve(found))),
    );
    if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString("errors-warnings"));
  },
};

await bundlers[name]();
