/**
 * The offline tools, for Node: import → optimize → quantize → pack, and what measures the result.
 *
 * @example
 * const graph = optimize(importModel(readFileSync("model.onnx"), { file: "model.onnx" }));
 * const samples = openSamples("clips", graph.inputs);
 * const { graph: int8, report } = quantize(graph, samples, { makeExecutor: createExecutor });
 * writeFileSync("model.nbl", pack(int8, { report }).bytes);
 */

export { createFeatures, type Features } from "./audio/features.ts";
export {
  type FrontEnd,
  type FrontEndName,
  type FrontEndOptions,
  frontEnds,
  type LogMelSettings,
  type MfccSettings,
  type MicroFrontEnd,
  withFrontEnd,
} from "./audio/front-end.ts";
export { createResampler, type ResampleOptions, type Resampler } from "./audio/resample.ts";
export { type Bundle, type BundleOptions, type BundleTier, bundle } from "./bundle/bundle.ts";
export { type ClassResult, type EvaluateOptions, type Evaluation, evaluate } from "./eval/evaluate.ts";
export type { Graph, Node, Rounding, Tensor, TensorData } from "./graph/graph.ts";
export { optimize } from "./graph/passes/index.ts";
export { type FileFormat, fileFormat, type ImportOptions, importModel } from "./import/index.ts";
export { type ImportOnnxOptions, importOnnx } from "./import/onnx/index.ts";
export { type ImportTfliteOptions, importTflite } from "./import/tflite/index.ts";
export { type Inspection, inspect, type OperatorSummary, type TensorSummary } from "./inspect/inspect.ts";
export { type Packed, type PackOptions, pack } from "./pack/pack.ts";
export type { Accuracy, Proportion } from "./quantize/accuracy.ts";
export type { Samples } from "./quantize/calibrate.ts";
export type { Executor, MakeExecutor } from "./quantize/executor.ts";
export { asFloatLayers } from "./quantize/hybrid.ts";
export { type QuantizeOptions, quantize } from "./quantize/index.ts";
export type { LayerReport, Report } from "./quantize/report.ts";
export { formatReport } from "./quantize/report-text.ts";
export { summarize } from "./quantize/summary.ts";
export { NibbleError, type NibbleErrorCode } from "./runtime/errors.ts";
export { createExecutor } from "./runtime/executor.ts";
export type { InputSpec } from "./samples/convert.ts";
export { type NpyArray, readNpy, writeNpy } from "./samples/npy.ts";
export { readNpz } from "./samples/npz.ts";
export { createReader, openSamples, type ReadOptions, type SampleReader } from "./samples/read.ts";
export type { Sample, SampleSet } from "./samples/sample.ts";
export { type Audio, readWav } from "./samples/wav.ts";
export { type Stream, type StreamOptions, streamWindows } from "./stream/index.ts";
