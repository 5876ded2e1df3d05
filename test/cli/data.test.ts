import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../../src/samples/npy.ts";
import { dataFolder } from "../helpers/data.ts";
import { loadGolden } from "../helpers/golden.ts";
import { nibblenet, succeed, workspace } from "./harness.ts";

const data = dataFolder();

describe.skipIf(!data)("published models (skipped without the data folder)", () => {
  const { path } = workspace();
  const model = () => join(data!, "models/tflite/kws_ref_model.tflite");

  it("convert and run the keyword model bit for bit", async () => {
    await succeed("convert", model(), "-o", path("kws.nbl"));
    const { steps } = loadGolden("tflite", "kws_ref_model");
    for (const { inputs, outputs } of steps) {
      const { dtype, shape, data: values } = inputs[0]!;
      writeFileSync(path("x.npy"), writeNpy({ dtype, shape, data: values }));
      for (const file of [path("kws.nbl"), model()]) {
        await succeed("run", file, "--input", path("x.npy"), "--output", path("out"));
        const found = readNpy(readFileSync(path("out/Identity.npy")), "Identity.npy");
        expect(found.dtype).toBe("int8");
        expect(found.data).toEqual(outputs[0]!.data);
      }
    }
  });

  it("counts the keyword model's multiply-adds", async () => {
    const { macs, schemes } = (await succeed("inspect", model(), "--json")).json();
    expect(Math.round(macs / 1e4)).toBe(266);
    expect(schemes).toEqual({ int8: 10 });
  });

  it("names every operator that is not supported", async () => {
    const scanning = join(data!, "models/onnx/tract_qlstm_3_2_3_t3_s1.onnx");
    const { code, stderr } = await nibblenet("convert", scanning, "-o", path("no.nbl"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/tract_qlstm_3_2_3_t3_s1\.onnx: .*ai\.onnx::Scan ×1/);
  });

  it("packs TFLite Micro's audio front end, and puts one before a model", async () => {
    const frontEnd = join(data!, "models/tflite/audio_preprocessor_int8.tflite");
    await succeed("convert", frontEnd, "-o", path("front.nbl"));
    const speech = join(data!, "models/tflite/micro_speech_quantized.tflite");
    await succeed(
      "convert",
      speech,
      "-o",
      path("speech.nbl"),
      "--pcm",
      "micro-speech",
      "--pcm-type",
      "int16",
    );
    const clip = join(data!, "audio/micro_speech/yes_1000ms.wav");
    const { outputs } = (await succeed("run", path("speech.nbl"), "--input", clip, "--json")).json();
    expect(outputs[0].top[0].index).toBe(2);
  });
});
