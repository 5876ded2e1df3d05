/**
 * Where this processor has VNNI only as AVX-512, which V8 does not use: the library (vnni.c) that makes V8 use it, built into
 * `folder`. Answers its path, or why there is none.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export function buildVnni(folder) {
  const cpuInfo = "/proc/cpuinfo";
  if (process.arch !== "x64" || !existsSync(cpuInfo)) return { missing: "it is for Linux on x86-64" };
  const flags = new Set(
    readFileSync(cpuInfo, "utf8")
      .match(/^flags.*$/m)[0]
      .split(/\s+/),
  );
  if (flags.has("avx_vnni"))
    return { missing: "V8 uses AVX-VNNI of this processor as it is: see the parts without it" };
  if (!flags.has("avx512_vnni") || !flags.has("avx512vl")) return { missing: "this processor has no VNNI" };
  const library = join(folder, "vnni.so");
  const source = fileURLToPath(new URL("vnni.c", import.meta.url));
  const { status, stderr, error } = spawnSync("cc", ["-O2", "-shared", "-fPIC", "-o", library, source]);
  if (status !== 0) return { missing: `cc could not build vnni.c: ${error?.message ?? stderr}` };
  const probe = spawnSync(process.execPath, ["-p", "1"], { env: { ...process.env, LD_PRELOAD: library } });
  if (probe.status !== 0) return { missing: `this Node: ${probe.stderr}` };
  return { library };
}
