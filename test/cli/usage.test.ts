import { mkdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { report } from "../../src/cli/errors.ts";
import { writeFiles } from "../../src/cli/files.ts";
import { main } from "../../src/cli/main.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { sampleFiles } from "../helpers/tflite-models.ts";
import { capture, classifier, nibblenet, npy, succeed, workspace } from "./harness.ts";

const { path, write, names } = workspace();
const commands = ["convert", "quantize", "run", "inspect", "bench", "verify", "eval", "bundle"];

beforeAll(() => {
  write("conv.tflite", sampleFiles.conv!());
  write("classifier.onnx", classifier());
  write("x.npy", npy([1, 2, 3, 4]));
  write("data/0/a.npy", npy([1, 0, 0, 0]));
  write("data/1/a.npy", npy([0, 1, 0, 0]));
  write("empty/notes.txt", "nothing here");
  mkdirSync(path("folder"));
});

describe("help and version", () => {
  it("prints the version", async () => {
    expect(await nibblenet("--version")).toMatchObject({
      code: 0,
      stdout: `${packageJson.version}\n`,
      stderr: "",
    });
  });

  it("lists the commands", async () => {
    const { code, stdout } = await nibblenet("--help");
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`\n  ${command} `));
  });

  it.each(commands)("%s --help has an example", async (command) => {
    const { code, stdout, stderr } = await nibblenet(command, "--help");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`\nExamples:\n  $ nibblenet ${command} `);
    expect(stdout).toContain("--json");
  });

  it("prints a command's help for `help`", async () => {
    const { code, stdout } = await nibblenet("help", "convert");
    expect(code).toBe(0);
    expect(stdout).toContain("Usage: nibblenet convert");
  });

  it("prints help on stderr where no command is given, as wrong usage", async () => {
    const { code, stdout, stderr } = await nibblenet();
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Usage: nibblenet");
  });
});

describe("wrong usage ends with 2 and one line", () => {
  it.each<[string, string[], RegExp]>([
    ["an unknown command", ["pack"], /unknown command 'pack'; see `nibblenet --help`/],
    [
      "an unknown option",
      ["verify", "x.nbl", "--fast"],
      /unknown option '--fast'; see `nibblenet verify --help`/,
    ],
    [
      "a misspelled option",
      ["bench", "x", "--second", "1"],
      /unknown option '--second' \(Did you mean --seconds\?\)/,
    ],
    ["a missing argument", ["inspect"], /missing required argument 'model'/],
    ["a superfluous argument", ["verify", "a.nbl", "b.nbl"], /too many arguments/],
    ["a missing output", ["convert", "x.onnx"], /required option '-o, --output <file>' not specified/],
    [
      "missing data",
      ["quantize", "x.onnx", "-o", "y.nbl"],
      /required option '--data <path...>' not specified/,
    ],
    ["missing inputs", ["run", "x.onnx"], /required option '--input/],
    ["an option without its value", ["convert", "x.onnx", "-o"], /argument missing/],
    [
      "a rounding that does not exist",
      ["convert", "x", "-o", "y", "--rounding", "up"],
      /'up' is invalid. Allowed choices are single, double;/,
    ],
    [
      "a tier that does not exist",
      ["bench", "x", "--tier", "gpu"],
      /Allowed choices are relaxed, simd, scalar, script, all;/,
    ],
    [
      "a front end that does not exist",
      ["eval", "x", "--data", "y", "--frontend", "mfcc"],
      /Allowed choices are log-mel;/,
    ],
    ["a shape without a name", ["inspect", "x", "--input-shape", "1x2"], /Expected a name and a shape/],
    ["a shape with a zero", ["inspect", "x", "--input-shape", "x=1x0"], /Expected a name and a shape/],
    ["a time of zero", ["bench", "x", "--seconds", "0"], /Expected a number above 0, up to 600;/],
    [
      "a count with a fraction",
      ["eval", "x", "--data", "y", "--samples", "1.5"],
      /Expected a whole number from 1 up;/,
    ],
    [
      "a percentile of half",
      ["quantize", "x", "-o", "y", "--data", "d", "--percentile", "50"],
      /above 50, up to 100;/,
    ],
    [
      "a percentile for the other method",
      ["quantize", "x", "-o", "y", "--data", "d", "--percentile", "99", "--calibration", "minmax"],
      /'--percentile' needs '--calibration percentile'/,
    ],
  ])("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await nibblenet(...args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^nibblenet: error: [^\n]+; see `nibblenet[^\n]*--help`\n$/);
    expect(stderr).toMatch(message);
  });

  it("a class that does not exist", async () => {
    const args = ["eval", path("classifier.onnx"), "--data", path("data"), "--without", "silence"];
    const { code, stderr } = await nibblenet(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining("'--without' expected a class number")]);
  });
});

describe("failed work ends with 1 and one line", () => {
  const convert = (file: string, ...more: string[]) => [
    "convert",
    path(file),
    "-o",
    path("new.nbl"),
    ...more,
  ];

  it.each<[string, () => string[], RegExp]>([
    [
      "a missing file",
      () => convert("nothing.onnx"),
      /nothing\.onnx: cannot be read: there is no such file or folder/,
    ],
    [
      "a path through a file",
      () => convert("x.npy/model.onnx"),
      /cannot be read: a part of its path is not a folder/,
    ],
    [
      "a folder given as a file",
      () => convert("folder"),
      /folder: cannot be read: expected a file, found a folder/,
    ],
    [
      "an output that is a folder",
      () => ["convert", path("conv.tflite"), "-o", path("folder")],
      /folder: cannot be written: expected a file name/,
    ],
    [
      "an output folder that does not exist",
      () => ["convert", path("conv.tflite"), "-o", path("no/new.nbl")],
      /there is no folder .*no/,
    ],
    [
      "an output that is the input",
      () => ["convert", path("conv.tflite"), "-o", path("folder/../conv.tflite")],
      /it is the input/,
    ],
    [
      "outputs under a file",
      () => ["run", path("classifier.onnx"), "--input", path("x.npy"), "--output", path("x.npy")],
      /x\.npy: cannot be made a folder: a file of this name is there/,
    ],
    [
      "a file of another kind",
      () => convert("x.npy"),
      /expected a TFLite, ONNX or packed model \(\.nbl\), found a file that starts with 93 4e 55 4d/,
    ],
    ["an empty file", () => [...convert("zero.onnx")], /zero\.onnx: the file is empty/],
    ["a damaged model", () => convert("damaged.tflite"), /damaged\.tflite: /],
    [
      "a shape for TFLite",
      () => convert("conv.tflite", "--input-shape", "x=1x5x4x2"),
      /input shapes can only be given for ONNX/,
    ],
    [
      "a shape for an unknown input",
      () => convert("classifier.onnx", "--input-shape", "z=1x4"),
      /"z", which is no input/,
    ],
    [
      "labels that do not fit",
      () => convert("classifier.onnx", "--labels", path("labels.txt")),
      /labels\.txt: expected 4 labels, one per value of output "scores", found 2/,
    ],
    [
      "labels with a gap",
      () => convert("classifier.onnx", "--labels", path("gap.txt")),
      /gap\.txt: line 2 is empty/,
    ],
    [
      "labels without content",
      () => convert("classifier.onnx", "--labels", path("zero.onnx")),
      /expected one label per line, found none/,
    ],
    [
      "a front end that does not fit",
      () => convert("classifier.onnx", "--frontend", "log-mel"),
      /expected one input of 49×40 values, found "x" \[1, 4\]/,
    ],
    ["a packed model to convert", () => convert("packed.nbl"), /found one that is packed already/],
    [
      "no samples",
      () => ["quantize", path("classifier.onnx"), "-o", path("new.nbl"), "--data", path("empty")],
      /empty: no samples/,
    ],
    [
      "missing samples",
      () => ["quantize", path("classifier.onnx"), "-o", path("new.nbl"), "--data", path("gone")],
      /gone: cannot be read/,
    ],
    [
      "an unknown operator to exclude",
      () => [
        "quantize",
        path("classifier.onnx"),
        "-o",
        path("new.nbl"),
        "--data",
        path("data"),
        "--exclude",
        "tail",
      ],
      /no operator "tail"/,
    ],
    [
      "an evaluation without classes",
      () => [
        "quantize",
        path("classifier.onnx"),
        "-o",
        path("new.nbl"),
        "--data",
        path("data"),
        "--eval",
        path("x.npy"),
      ],
      /no classes are known; name them with --labels/,
    ],
    [
      "a front end of the future",
      () => ["run", path("future.nbl"), "--input", path("x.npy")],
      /its front end is "video", expected "log-mel"; use a newer nibblenet/,
    ],
  ])("%s", async (_, args, message) => {
    write("zero.onnx", "");
    write("damaged.tflite", sampleFiles.conv!().slice(0, 100));
    write("labels.txt", "a\nb\n");
    write("gap.txt", "a\n\nb\nc\n");
    await succeed("convert", path("classifier.onnx"), "-o", path("packed.nbl"));
    const { pack } = await import("../../src/pack/pack.ts");
    const { importModel } = await import("../../src/import/index.ts");
    const graph = importModel(classifier(), { file: "classifier.onnx" });
    write("future.nbl", pack(graph, { metadata: { frontend: "video" } }).bytes);
    const before = names();

    const { code, stdout, stderr } = await nibblenet(...args());
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^nibblenet: error: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect(names()).toEqual(before);
  });

  it("is one JSON object with --json, and the line on stderr", async () => {
    const outcome = await nibblenet("inspect", path("nothing.nbl"), "--json");
    expect(outcome.code).toBe(1);
    expect(outcome.json()).toEqual({
      error: { code: "io", message: expect.stringContaining("nothing.nbl") },
    });
    expect(outcome.stderr).toMatch(/^nibblenet: error: /);
  });

  it("leaves an earlier output untouched", async () => {
    write("kept.nbl", "earlier");
    write("report.json", "earlier report");
    const quantize = [
      "quantize",
      path("classifier.onnx"),
      "-o",
      path("kept.nbl"),
      "--report",
      path("report.json"),
    ];
    expect((await nibblenet(...quantize, "--data", path("empty"))).code).toBe(1);
    expect((await nibblenet("convert", path("damaged.tflite"), "-o", path("kept.nbl"))).code).toBe(1);
    expect(readFileSync(path("kept.nbl"), "utf8")).toBe("earlier");
    expect(readFileSync(path("report.json"), "utf8")).toBe("earlier report");
    await succeed(...quantize, "--data", path("data"));
    expect(readFileSync(path("kept.nbl")).subarray(0, 3).toString()).toBe("NBL");
    expect(names().filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("writing files", () => {
  it("writes all or leaves what was there", () => {
    write("first.bin", "earlier");
    const bytes = new TextEncoder().encode("later");
    const before = names();
    const outputs = [
      { path: path("first.bin"), bytes },
      { path: path("gone/second.bin"), bytes },
    ];
    expect(() => writeFiles(outputs)).toThrow(
      /gone\/second\.bin: cannot be written: there is no such file or folder/,
    );
    expect(readFileSync(path("first.bin"), "utf8")).toBe("earlier");
    expect(names()).toEqual(before);
    writeFiles(outputs.slice(0, 1));
    expect(readFileSync(path("first.bin"), "utf8")).toBe("later");
    expect(names()).toEqual(before);
  });
});

describe("reporting of errors", () => {
  const reported = (error: unknown, env = {}) => {
    const [stdout, stderr] = [capture(), capture()];
    const io = { stdout: stdout.stream, stderr: stderr.stream, env };
    const code = report(error, io, { name: "nibblenet run", json: false });
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  };

  it("keeps to one line", () => {
    const { code, stderr } = reported(new NibbleError("bad-file", "a.onnx: first\n  second"));
    expect([code, stderr]).toEqual([1, "nibblenet: error: a.onnx: first second\n"]);
  });

  it("calls what is not a NibbleError internal, and shows its stack where NIBBLENET_DEBUG is set", () => {
    const error = new TypeError("x is undefined");
    const plain = reported(error);
    expect([plain.code, plain.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^nibblenet: error: internal error: x is undefined; set NIBBLENET_DEBUG=1[^\n]*\n$/,
      ),
    ]);
    expect(reported(error, { NIBBLENET_DEBUG: "1" }).stderr).toContain("\n    at ");
    expect(reported("thrown text").stderr).toContain("internal error: thrown text");
  });
});

describe("progress", () => {
  const quantize = async (isTTY: boolean) => {
    const [stdout, stderr] = [capture(isTTY), capture(isTTY)];
    const io = { stdout: stdout.stream, stderr: stderr.stream, env: {} };
    const code = await main(
      ["quantize", path("classifier.onnx"), "-o", path("p.nbl"), "--data", path("data")],
      io,
    );
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  };

  it("shows a bar, the time that is left, and bold titles, on a terminal only", async () => {
    const terminal = await quantize(true);
    expect(terminal.code).toBe(0);
    expect(terminal.stderr).toMatch(/calibrating.* \d+\/\d+, \S+ so far, \S+ left/);
    expect(terminal.stdout).toContain("\u001b[1m");
    const pipe = await quantize(false);
    expect([pipe.code, pipe.stderr]).toEqual([0, ""]);
    expect(pipe.stdout).not.toContain("\u001b");
  });
});
