import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * Installs what a folder's lock names, unless it is there. Answers why it could not be had, or undefined.
 * @throws Error when the fault is the lock's, not the network's.
 */
export async function installLocked(home: string): Promise<string | undefined> {
  const lock = readFileSync(join(home, "package-lock.json"), "utf8");
  const installed = join(home, "node_modules/.installed-lock.json");
  if (existsSync(installed) && readFileSync(installed, "utf8") === lock) return undefined;
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"];
  try {
    await promisify(execFile)("npm", ["ci", ...quiet], { cwd: home, timeout: 600_000 });
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    const code = /npm error code (\w+)/.exec(stderr)?.[1];
    const detail = stderr.match(/(Missing|Invalid): .*|integrity .*/g)?.join(", ") ?? message;
    if (code === "EUSAGE" || code === "EINTEGRITY")
      throw new Error(`${home}: package-lock.json does not fit (${code}); ${detail}`);
    return `npm ci failed, ${code ?? message.split("\n")[0]}`;
  }
  writeFileSync(installed, lock);
  return undefined;
}
