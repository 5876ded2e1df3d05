import { expect, it, vi } from "vitest";
import { bundle } from "../../src/bundle/bundle.ts";
import { smallModel } from "../engine/build.ts";

vi.mock("binaryen", () => {
  throw new Error("Cannot find package 'binaryen'");
});

it("says which package bundling needs", async () => {
  await expect(bundle(smallModel())).rejects.toThrow(
    expect.objectContaining({
      code: "unsupported",
      message: expect.stringMatching(
        /^bundling needs the package binaryen, .*; install it beside nibblenet$/s,
      ),
    }),
  );
});
