import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Exports a function f that answers the relaxed dot product of 127 and 255, four times: 65,534 where it saturates. */
const probe = [
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0],
  ...[10, 23, 1, 21, 0, 0x41, 0xff, 0, 0xfd, 15, 0x41, 0x7f, 0xfd, 15, 0x41, 0, 0xfd, 17],
  ...[0xfd, 0x93, 2, 0xfd, 0x1b, 0, 0x0b],
];
const runProbe = `new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.of(${probe}))).exports.f()`;

/**
 * Where this processor has VNNI only as AVX-512, which V8 does not use: builds `source` (vnni.c), which makes V8 use it, as
 * `library`, and answers the environment that `program`, a Node, needs for it.
 * @throws Error saying what is missing.
 */
export function vnniEnvironment(source: string, library: string, program: string): Record<string, string> {
  const cpuInfo = "/proc/cpuinfo";
  if (process.arch !== "x64" || !existsSync(cpuInfo)) throw new Error("it is for Linux on x86-64");
  const flags = new Set(/^flags.*$/m.exec(readFileSync(cpuInfo, "utf8"))?.[0].split(/\s+/));
  if (flags.has("avx_vnni")) throw new Error("this processor has AVX-VNNI, which V8 uses without it");
  if (!flags.has("avx512_vnni") || !flags.has("avx512vl")) throw new Error("this processor has no VNNI");
  const { status, stderr, error } = spawnSync(process.env.CC ?? "cc", [
    "-O2",
    "-shared",
    "-fPIC",
    "-o",
    library,
    source,
  ]);
  if (status !== 0) throw new Error(`cc could not build ${source}: ${error?.message ?? stderr}`);
  const environment = { LD_PRELOAD: library };
  const found = spawnSync(program, ["-p", runProbe], {
    env: { ...process.env, ...environment },
    encoding: "utf8",
  });
  const sum = 4 * 127 * 255;
  if (found.stdout?.trim() !== `${sum}`)
    throw new Error(`${program}: expected a dot product of ${sum}, got ${found.stdout}${found.stderr}`);
  return environment;
}
