import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { output } from "./process.ts";

/** Installs what a folder's lock names, unless it is there. Answers why it could not be, or undefined. */
export async function installLocked(home: string): Promise<string | undefined> {
  const lock = readFileSync(join(home, "package-lock.json"), "utf8");
  const installed = join(home, "node_modules/.installed-lock.json");
  if (existsSync(installed) && readFileSync(installed, "utf8") === lock) return undefined;
  try {
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"];
    await output("npm", ["ci", ...quiet], { cwd: home, seconds: 600 });
  } catch (error) {
    return `npm ci failed: ${(error as Error).message}`;
  }
  writeFileSync(installed, lock);
  return undefined;
}
