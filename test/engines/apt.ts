import { execFileSync } from "node:child_process";

/** Installs what is missing of these Debian packages. @throws Error where that is impossible. */
export function aptInstall(packages: readonly string[]): void {
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) throw new Error(`needs root to install Debian's ${missing.join(", ")}`);
  console.log(`Installing Debian's ${missing.join(", ")} …`);
  const apt = (...args: string[]): unknown =>
    execFileSync("apt-get", ["-y", "-qq", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 900_000,
    });
  try {
    apt("install", "--no-install-recommends", ...missing);
  } catch {
    apt("update");
    apt("install", "--no-install-recommends", ...missing);
  }
}

function isInstalled(name: string): boolean {
  return debianVersion(name) !== undefined;
}

/** The installed version of a Debian package, without Debian's own part. */
export function debianVersion(name: string): string | undefined {
  try {
    const text = execFileSync("dpkg-query", ["-s", name], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return /^Status: .* installed$/m.test(text) ? /^Version: ([^-\n]+)/m.exec(text)?.[1] : undefined;
  } catch {
    return undefined;
  }
}
