/** What goes wrong for real, in the built program: limits of the system, a full file system, rights, bad files. */

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { denseModel, denseSample, npy, workspace } from "./harness.ts";

const cli = fileURLToPath(new URL("../../build/cli.js", import.meta.url));
const { path, write, names } = workspace();

interface How {
  /** Blocks of 512 bytes that a file may have. */
  blocks?: number;
  uid?: number;
}

/** The program in a process of its own. */
function nibblenet(args: string[], { blocks, uid }: How = {}) {
  const command = [process.execPath, cli, ...args].map((part) => `'${part}'`).join(" ");
  const limited = blocks === undefined ? command : `ulimit -f ${blocks}; exec ${command}`;
  const { status, signal, stdout, stderr } = spawnSync("sh", ["-c", limited], {
    encoding: "utf8",
    ...(uid !== undefined && { uid }),
  });
  return { status, signal, stdout, stderr };
}

const samples = (folder: string) => ["--data", path(folder)];
const search = ["--budget", "sqnr=15", "--candidates", "int8,float32"];

describe.skipIf(!existsSync(cli) || process.platform === "win32")(
  "failures of the built program (skipped before the build)",
  () => {
    beforeAll(() => {
      write("dense.onnx", denseModel());
      write(
        "nan.onnx",
        denseModel((values) => (values[3] = Number.NaN)),
      );
      for (let i = 0; i < 8; i++) write(`data/${i}.npy`, denseSample(i));
      write("none/readme.txt", "");
      write("wide/0.npy", denseSample(0));
      write("wide/1.npy", denseSample(1, 25));
      write("broken/0.npy", denseSample(0).subarray(0, 90));
      write("holes/0.npy", npy([Number.NaN, ...new Array(23).fill(1)], [1, 24]));
      write("wrong.mjs", "export default [new Float32Array(23)];");
      write("throws.mjs", "export default function* () { throw new Error('camera is off'); }");
      write("pictures/0.png", new Uint8Array(40));
      for (const folder of ["out", "small", "kept"]) mkdirSync(path(folder));
    });

    it.each<[string, string[], RegExp]>([
      [
        "NaN weights",
        ["nan.onnx", "data"],
        /nan\.onnx.*|tensor "y1\/weights": element \d+ is NaN, expected finite values/,
      ],
      ["a folder without samples", ["dense.onnx", "none"], /none: no samples; expected files ending in/],
      ["a folder that is not there", ["dense.onnx", "nowhere"], /nowhere: cannot be read \(ENOENT\)/],
      [
        "samples of another shape",
        ["dense.onnx", "wide"],
        /wide\/1\.npy: input "x" expected shape \[1,24\], found \[1,25\]/,
      ],
      ["cut files", ["dense.onnx", "broken"], /broken\/0\.npy: the header is cut off/],
      ["NaN samples", ["dense.onnx", "holes"], /holes\/0\.npy: tensor "x" is NaN at element 0/],
      [
        "a module of other shapes",
        ["dense.onnx", "wrong.mjs"],
        /wrong\.mjs\[0\]: input "x" expected 24 values/,
      ],
      [
        "a module that throws",
        ["dense.onnx", "throws.mjs"],
        /throws\.mjs\[0\]: the module threw: camera is off/,
      ],
      [
        "pictures for a model of none",
        ["dense.onnx", "pictures"],
        /0\.png: a picture fits inputs of height × width/,
      ],
      [
        "a model that is not there",
        ["gone.onnx", "data"],
        /gone\.onnx: cannot be read: there is no such file/,
      ],
    ])("quantize and its search end with 1 on %s, and write nothing", (_, [model, data], message) => {
      for (const more of [[], search]) {
        const { status, stderr, stdout } = nibblenet([
          "quantize",
          path(model!),
          "-o",
          path("out/m.nbl"),
          ...samples(data!),
          "--json",
          ...more,
        ]);
        expect(stderr).toMatch(message);
        expect(stderr.trimEnd().split("\n")).toHaveLength(1);
        expect(JSON.parse(stdout).error.message).toMatch(message);
        expect([status, names("out")]).toEqual([1, []]);
      }
    });

    it("refuse a device as an output, which a file would replace", () => {
      for (const args of [
        ["convert", path("dense.onnx"), "-o", "/dev/null"],
        [
          "quantize",
          path("dense.onnx"),
          ...samples("data"),
          "-o",
          path("out/m.nbl"),
          "--report",
          "/dev/null",
        ],
      ]) {
        const { status, stderr } = nibblenet(args);
        expect(stderr).toBe(
          "nibblenet: error: /dev/null: cannot be written: expected a file name, found a device or pipe\n",
        );
        expect(status).toBe(1);
      }
      expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
      expect(names("out")).toEqual([]);
    });

    it.each([
      ["convert", []],
      ["quantize", ["data"]],
      ["search", ["data", ...search]],
    ])(
      "%s ends with 1 where a file may not become that large, and what was there stays",
      (_, [data, ...more]) => {
        const before = Uint8Array.of(1, 2, 3);
        writeFileSync(path("small/m.nbl"), before);
        const base = [data ? "quantize" : "convert", path("dense.onnx"), "-o", path("small/m.nbl")];
        const { status, signal, stderr, stdout } = nibblenet(
          [...base, ...(data ? samples(data) : []), ...more, "--json"],
          {
            blocks: 1,
          },
        );
        expect(stderr).toMatch(
          /small\/m\.(nbl|search\.json): cannot be written: the file would be larger than is allowed here/,
        );
        expect([status, signal, JSON.parse(stdout).error.code]).toEqual([1, null, "io"]);
        expect(names("small")).toEqual(["m.nbl"]);
        expect(readFileSync(path("small/m.nbl"))).toEqual(Buffer.from(before));
      },
    );

    it("a report that has no room takes the model with it", () => {
      mkdirSync(path("both"));
      const both = ["-o", path("both/m.nbl"), "--report", path("both/page.html")];
      const args = ["quantize", path("dense.onnx"), ...samples("data"), ...both];
      expect([nibblenet(args).status, names("both")]).toEqual([0, ["m.nbl", "page.html"]]);
      const blocks = Math.ceil(statSync(path("both/m.nbl")).size / 512);
      for (const name of names("both")) rmSync(path("both", name));
      const { status, stderr } = nibblenet(args, { blocks });
      expect(stderr).toMatch(
        /both\/page\.html: cannot be written: the file would be larger than is allowed here/,
      );
      expect([status, names("both")]).toEqual([1, []]);
    });

    describe("on a file system that is full", () => {
      const place = path("full");
      mkdirSync(place);
      const mounted =
        process.platform === "linux" &&
        spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", place]).status === 0;
      afterAll(() => {
        if (mounted) spawnSync("umount", [place]);
      });

      it.skipIf(!mounted).each([
        ["convert", []],
        ["quantize", ["data"]],
        ["search", ["data", ...search]],
      ])(
        "%s ends with 1, names what is missing and leaves nothing (skipped where none can be mounted)",
        (_, [data, ...more]) => {
          // All but a page of it is taken.
          writeFileSync(path("full/taken"), new Uint8Array(60 * 1024));
          const base = [data ? "quantize" : "convert", path("dense.onnx"), "-o", path("full/m.nbl")];
          const { status, stderr } = nibblenet([...base, ...(data ? samples(data) : []), ...more]);
          expect(stderr).toMatch(
            /full\/m\.(nbl|search\.json): cannot be written: no space left on the device/,
          );
          // What a search measured may have had room, and is whole then.
          const left = names("full").filter((name) => name !== "m.search.json");
          expect([status, left]).toEqual([1, ["taken"]]);
          if (existsSync(path("full/m.search.json")))
            JSON.parse(readFileSync(path("full/m.search.json"), "utf8"));
          rmSync(path("full/m.search.json"), { force: true });
          rmSync(path("full/taken"));
          const fits = nibblenet([...base, ...(data ? samples(data) : []), ...more]);
          expect([fits.status, fits.stderr]).toEqual([0, ""]);
          rmSync(path("full/m.nbl"));
          rmSync(path("full/m.search.json"), { force: true });
        },
      );
    });

    describe("without rights", () => {
      /** Rights don't bind root: the program then runs as another user, where that one can reach it. */
      const isRoot = process.getuid?.() === 0;
      const how: How = isRoot ? { uid: 65534 } : {};
      if (isRoot) chmodSync(dirname(path("x")), 0o755);
      const runs = existsSync(cli) && nibblenet(["--version"], how).status === 0;

      it.skipIf(!runs)(
        "samples, models and folders are refused by name (skipped where no user has fewer rights)",
        () => {
          chmodSync(write("secret/0.npy", denseSample(0)), 0);
          chmodSync(write("secret.onnx", denseModel()), 0);
          mkdirSync(path("locked"));
          mkdirSync(path("open"));
          chmodSync(path("locked"), 0o555);
          chmodSync(path("open"), 0o777);
          const cases: [string, string, string, RegExp][] = [
            ["dense.onnx", "secret", "open", /secret\/0\.npy: cannot be read \(EACCES\)/],
            ["secret.onnx", "data", "open", /secret\.onnx: cannot be read: permission denied/],
            ["dense.onnx", "data", "locked", /locked\/m\.nbl: cannot be written: permission denied/],
          ];
          for (const [model, data, out, message] of cases) {
            const { status, stderr } = nibblenet(
              ["quantize", path(model), "-o", path(out, "m.nbl"), ...samples(data)],
              how,
            );
            expect(stderr).toMatch(message);
            expect([status, names(out)]).toEqual([1, []]);
          }
          chmodSync(path("locked"), 0o755);
        },
      );
    });
  },
);
