import { beforeAll, describe, expect, it } from "vitest";
import { random } from "../quantize/build.ts";
import { classifier, denseModel, nibblenet, npy, workspace } from "./harness.ts";

const { path, write } = workspace();

beforeAll(() => {
  write("dense.onnx", denseModel());
  write("single.onnx", classifier(24));
  const next = random(3);
  for (let i = 0; i < 30; i++)
    write(
      `data/${i}.npy`,
      npy(
        Array.from({ length: 24 }, () => next()),
        [1, 24],
      ),
    );
});

const quantize = (file: string, ...options: string[]) =>
  nibblenet("quantize", path(file), "-o", path("m.nbl"), "--data", path("data"), "--json", ...options);

describe("quantize --prune-channels", () => {
  it("makes layers smaller by whole units, and says by how much", async () => {
    const whole = (await quantize("dense.onnx")).json();
    const pruned = (await quantize("dense.onnx", "--prune-channels", "0.34")).json();
    expect(whole.report.channels).toBeUndefined();
    // Of two layers of 24 channels: two units of 8.
    expect(pruned.report.channels).toEqual({ before: 48, after: 32 });
    const told = await nibblenet(
      ...["quantize", path("dense.onnx"), "-o", path("n.nbl"), "--data", path("data")],
      ...["--prune-channels", "0.34"],
    );
    expect(told.stdout).toMatch(/channels left +32 of 48/);
  });

  it("names what stands in its way", async () => {
    const alone = await quantize("single.onnx", "--prune-channels", "0.5");
    expect([alone.code, alone.stderr]).toEqual([1, expect.stringMatching(/no channel can go/)]);
    const wrong = await quantize("dense.onnx", "--prune-channels", "1.5");
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/Expected a share/)]);
    const budget = await quantize("dense.onnx", "--prune-channels", "0.5", "--budget", "size=1kB");
    expect([budget.code, budget.stderr]).toEqual([
      2,
      expect.stringMatching(/'--prune-channels' contradicts '--budget'/),
    ]);
  });
});
