// The panel in Chromium and Firefox for some minutes, each word counted:
//   node test/listen/run.mjs [minutes] [chromium|firefox] [file|stream|speaker]     after `npm run build`
// Firefox needs `npm ci` in test/engines and pulseaudio.
import { bundled } from "./bundled.mjs";

const { main } = await bundled("test/listen/browser/main.ts");
process.exit(await main(process.argv.slice(2)));
