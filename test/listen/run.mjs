// The panel in Chromium and Firefox for some minutes, each word counted:
//   node test/listen/run.mjs [minutes] [chromium|firefox] [file|stream|speaker]     after `npm run build`
// Firefox needs `npm ci` in test/engines and pulseaudio.
import { build } from "esbuild";

process.chdir(new URL("../..", import.meta.url).pathname);
const outfile = "build/listen-run.mjs";
await build({
  entryPoints: ["test/listen/browser/main.ts"],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  logLevel: "warning",
});
const { main } = await import(`../../${outfile}`);
process.exit(await main(process.argv.slice(2)));
