/** What a model, samples, a disk or a person may do half way: one named error, exit code 1, nothing half-written. */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../../src/cli/main.ts";
import {
  capture,
  classifier,
  denseModel,
  nibblenet,
  npy,
  denseSample as sample,
  succeed,
  workspace,
} from "./harness.ts";

/** Bytes that may still be written before the disk is full. */
const disk = vi.hoisted(() => ({ room: Infinity }));
vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  const writeFile = (file: string, data: Uint8Array | string, options?: object): void => {
    real.writeFileSync(file, data.slice(0, Math.min(disk.room, data.length)), options);
    disk.room -= data.length;
    if (disk.room < 0)
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  return { ...real, writeFileSync: writeFile };
});

const { path, write, names } = workspace();

beforeAll(() => {
  write("dense.onnx", denseModel());
  write("classifier.onnx", classifier());
  for (let i = 0; i < 8; i++) write(`data/${i}.npy`, sample(i));
  mkdirSync(path("out"));
});

/** Every case for a plain run and for a search, and what it says. */
const ways = { quantize: [], search: ["--budget", "sqnr=20", "--candidates", "int8,int4"] };
const attempt = (way: keyof typeof ways, model: string, data: string, ...more: string[]) =>
  nibblenet("quantize", path(model), "-o", path("out/m.nbl"), "--data", path(data), ...ways[way], ...more);

describe.each(["quantize", "search"] as const)("%s ends with 1 and writes nothing", (way) => {
  it.each<[string, () => [model: string, data: string], RegExp]>([
    [
      "samples of another shape",
      () => {
        write("wide/0.npy", sample(0));
        write("wide/1.npy", sample(1, 25));
        return ["dense.onnx", "wide"];
      },
      /wide\/1\.npy: input "x" expected shape \[1,24\], found \[1,25\]/,
    ],
    [
      "NaN weights",
      () => {
        write(
          "nan.onnx",
          denseModel((values) => (values[3] = Number.NaN)),
        );
        return ["nan.onnx", "data"];
      },
      /tensor "y1\/weights": element \d+ is NaN, expected finite values/,
    ],
    [
      "infinite weights",
      () => {
        write(
          "inf.onnx",
          denseModel((values) => (values[3] = Infinity)),
        );
        return ["inf.onnx", "data"];
      },
      /tensor "y1\/weights": element \d+ is Infinity, expected finite values/,
    ],
    [
      "a folder without samples",
      () => {
        write("none/readme.txt", "");
        return ["dense.onnx", "none"];
      },
      /none: no samples; expected files ending in/,
    ],
    [
      "samples that are no arrays",
      () => {
        write("broken/0.npy", sample(0));
        write("broken/1.npy", sample(1).subarray(0, 90));
        return ["dense.onnx", "broken"];
      },
      /broken\/1\.npy: /,
    ],
    [
      "samples with NaN",
      () => {
        write("holes/0.npy", npy([Number.NaN, ...new Array(23).fill(1)], [1, 24]));
        return ["dense.onnx", "holes"];
      },
      /holes\/0\.npy: tensor "x" is NaN at element 0; calibration needs finite values/,
    ],
  ])("on %s", async (_, prepare, message) => {
    const [model, data] = prepare();
    const before = names("out");
    const { code, stderr, stdout } = await attempt(way, model, data, "--json");
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain("\n");
    expect([code, JSON.parse(stdout).error.code]).toEqual([1, "bad-input"]);
    expect(names("out")).toEqual(before);
  });

  it.skipIf(process.getuid?.() === 0)("on samples that may not be read (skipped for root)", async () => {
    chmodSync(write("secret/0.npy", sample(0)), 0);
    const { code, stderr } = await attempt(way, "dense.onnx", "secret");
    expect(stderr).toMatch(/secret\/0\.npy: cannot be read \(EACCES\)/);
    expect([code, names("out")]).toEqual([1, []]);
  });

  it("on samples that are gone", async () => {
    const { code, stderr } = await attempt(way, "dense.onnx", "nowhere");
    expect(stderr).toMatch(/nowhere: cannot be read \(ENOENT\)/);
    expect([code, names("out")]).toEqual([1, []]);
  });

  it("on a full disk, where what was there before stays", async () => {
    mkdirSync(path("full"), { recursive: true });
    for (const room of [0, 100, 3000]) {
      writeFileSync(path("full/m.nbl"), Uint8Array.of(1, 2, 3), {});
      const args = ["-o", path("full/m.nbl"), "--report", path("full/r.json"), "--json", ...ways[way]];
      disk.room = room;
      const { code, stdout, stderr } = await nibblenet(
        "quantize",
        path("dense.onnx"),
        "--data",
        path("data"),
        ...args,
      ).finally(() => {
        disk.room = Infinity;
      });
      expect(stderr).toMatch(
        /full\/(m\.nbl|r\.json|m\.search\.json): cannot be written: no space left on the device/,
      );
      expect([code, JSON.parse(stdout).error.code]).toEqual([1, "io"]);
      // What a search measured may have had room, and is whole then.
      const kept = names("full").includes("m.search.json") ? ["m.search.json"] : [];
      expect(names("full")).toEqual(["m.nbl", ...kept]);
      for (const name of kept) JSON.parse(readFileSync(path("full", name), "utf8"));
      expect([...readFileSync(path("full/m.nbl"))]).toEqual([1, 2, 3]);
    }
  });

  it("on a signal", async () => {
    const [stdout, stderr] = [capture(), capture()];
    const signal = AbortSignal.abort();
    const args = [
      "quantize",
      path("dense.onnx"),
      "-o",
      path("out/m.nbl"),
      "--data",
      path("data"),
      ...ways[way],
    ];
    const code = await main([...args, "--json"], {
      stdout: stdout.stream,
      stderr: stderr.stream,
      env: {},
      signal,
    });
    expect(stderr.text()).toBe("nibblenet: error: interrupted: nothing was written\n");
    expect([code, JSON.parse(stdout.text()).error.code]).toEqual([1, "interrupted"]);
    expect(names("out")).toEqual([]);
  });
});

describe("a search file", () => {
  it("is kept, read again, and refused for another search", async () => {
    const args = (name: string, ...more: string[]) => [
      ...["quantize", path("dense.onnx"), "-o", path(`kept/${name}.nbl`), "--data", path("data")],
      ...["--candidates", "int8,int4,float32", "--json", ...more],
    ];
    mkdirSync(path("kept"));
    const first = await succeed(...args("a", "--budget", "sqnr=20"));
    expect(names("kept")).toEqual(["a.nbl", "a.search.json"]);
    const search = first.json().report.search;
    expect(search.models.filter(({ chosen }: { chosen: boolean }) => chosen)[0].sqnr).toBeGreaterThanOrEqual(
      20,
    );
    const state = readFileSync(path("kept/a.search.json"), "utf8");
    const again = await succeed(...args("b", "--budget", "sqnr=20", "--search", path("kept/a.search.json")));
    const page = path("kept.html");
    await succeed(
      ...args("p", "--budget", "sqnr=20", "--search", path("kept/a.search.json"), "--report", page),
    );
    const html = readFileSync(page, "utf8");
    for (const title of ["Search", "Which layer needs what", "Layers"])
      expect(html).toContain(`<h2>${title}</h2>`);
    expect(html).toContain(`${search.models.length} models were made and measured on 8 samples`);
    // A dot a model, twice: for wide screens and for narrow ones; and one ring around what was chosen.
    const [front] =
      /<figure><div class="desk"><svg role="img" aria-label="SQNR, dB by size.*?<\/figure>/s.exec(html)!;
    const known = search.models.filter(({ sqnr }: { sqnr: number | null }) => sqnr !== null);
    expect(front.match(/<circle/g)!.length).toBeGreaterThanOrEqual(4);
    expect(front.match(/<circle/g)!.length).toBeLessThanOrEqual(2 * (known.length + 1));
    expect(front.match(/r="8"/g)).toHaveLength(2);
    expect(html).not.toMatch(/ style=|<script|https?:/);
    expect(again.json().report.search).toEqual(search);
    expect(readFileSync(path("kept/b.nbl"))).toEqual(readFileSync(path("kept/a.nbl")));
    expect(readFileSync(path("kept/a.search.json"), "utf8")).toBe(state);

    const other = await nibblenet(
      ...args("c", "--budget", "sqnr=20", "--search", path("kept/a.search.json"), "--calibration", "mse"),
    );
    expect(other.stderr).toContain("a.search.json: is of another search");
    expect([other.code, names("kept")]).toEqual([1, ["a.nbl", "a.search.json", "b.nbl", "p.nbl"]]);
    // The recipe of a report makes the same layers by hand.
    write("recipe.json", JSON.stringify(search.recipe));
    const byHand = await succeed(
      ...["quantize", path("dense.onnx"), "-o", path("kept/d.nbl"), "--data", path("data")],
      ...["--recipe", path("recipe.json"), "--json"],
    );
    expect(byHand.json().report.outputs).toEqual(first.json().report.outputs);
  });

  it("belongs to budgets, and budgets to searches", async () => {
    const base = ["quantize", path("dense.onnx"), "-o", path("out/m.nbl"), "--data", path("data")];
    const cases: [string[], RegExp][] = [
      [["--search", path("s.json")], /'--search' needs '--budget <bound>'/],
      [["--candidates", "int8"], /'--candidates' needs '--budget <bound>'/],
      [["--budget", "size=1kB", "--scheme", "int4"], /'--scheme' contradicts '--budget'/],
      [["--budget", "size=1kB", "--prune-block", "1x1"], /'--prune-block' contradicts '--budget'/],
      [["--budget", "speed=1"], /budget "speed=1": expected size=60kB, latency=200us/],
      [["--budget", "size=1parsec"], /budget "size=1parsec": expected/],
    ];
    for (const [more, message] of cases) {
      const { code, stderr } = await nibblenet(...base, ...more);
      expect(stderr).toMatch(message);
      expect(code).toBe(2);
    }
    const candidates: [string, RegExp][] = [
      ["int9", /candidate "int9": scheme expected one of/],
      ["int8/prune=2", /candidate "int8\/prune=2": prune expected a share/],
      ["int8/colour=red", /candidate "int8\/colour=red": expected a scheme, then \/field=value/],
      ["int8", /expected layers with weights that may become one thing or another/],
    ];
    for (const [list, message] of candidates) {
      const { code, stderr } = await nibblenet(...base, "--budget", "size=1kB", "--candidates", list);
      expect(stderr).toMatch(message);
      expect(code).toBe(1);
    }
    expect(names("out")).toEqual([]);
  });
});
