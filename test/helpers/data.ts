import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of test models, goldens and clips, or undefined where it is absent: tests then skip. */
export function dataFolder(): string | undefined {
  const besideRepository = resolve(dirname(fileURLToPath(import.meta.url)), "../../../shared/data");
  const folder = process.env.NIBBLENET_DATA ?? besideRepository;
  return existsSync(join(folder, "MANIFEST.md")) ? folder : undefined;
}
