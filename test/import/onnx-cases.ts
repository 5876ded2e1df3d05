import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { gunzipSync } from "fflate";
import { type OnnxTensor, readModel, readTensor } from "../../src/import/onnx/proto.ts";

/** One case of the ONNX conformance archive: a model and the tensors of its first data set. */
export interface OnnxCase {
  name: string;
  model: Uint8Array;
  inputs: Uint8Array[];
  outputs: OnnxTensor[];
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replace(/\0.*$/s, "");

/** Regular files of a tar archive by path; GNU long names and the ustar prefix are followed. */
function* tarFiles(tar: Uint8Array): Generator<[string, Uint8Array]> {
  let longName: string | undefined;
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const header = tar.subarray(at, at + 512);
    const size = Number.parseInt(text(header.subarray(124, 136)).trim() || "0", 8);
    const body = tar.subarray(at + 512, at + 512 + size);
    const kind = String.fromCharCode(header[156]);
    const prefix = text(header.subarray(345, 500));
    const name = longName ?? (prefix ? `${prefix}/` : "") + text(header.subarray(0, 100));
    longName = kind === "L" ? text(body) : undefined;
    if (kind === "0" || kind === "\0") yield [name, body];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** All cases of `onnx_node.tar.gz`, unpacked in memory. */
export function readCases(archive: Uint8Array): OnnxCase[] {
  const folders = new Map<string, Map<string, Uint8Array>>();
  for (const [path, bytes] of tarFiles(gunzipSync(archive))) {
    const match = /^(.*\/)(model\.onnx|test_data_set_0\/(?:in|out)put_\d+\.pb)$/.exec(path);
    if (!match) continue;
    const files = folders.get(match[1]) ?? new Map<string, Uint8Array>();
    files.set(match[2], bytes);
    folders.set(match[1], files);
  }
  return [...folders].flatMap(([folder, files]) => {
    const model = files.get("model.onnx");
    const list = (kind: string) => {
      const found: Uint8Array[] = [];
      for (let i = 0; files.has(`test_data_set_0/${kind}_${i}.pb`); i++) {
        found.push(files.get(`test_data_set_0/${kind}_${i}.pb`)!);
      }
      return found;
    };
    if (!model) return [];
    const outputs = list("output").map((bytes) => readTensor(bytes, "an expected output"));
    return [{ name: folder.split("/").at(-2)!, model, inputs: list("input"), outputs }];
  });
}

const nested = (field: number, bytes: Uint8Array): Uint8Array =>
  new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(bytes).finish();

const [oldest, newest] = [7, 25];

/** The case is stored under a set that is older than any the importer takes. */
export const isOldest = (opsets: ReadonlyMap<string, number>): boolean => (opsets.get("") ?? newest) < oldest;

/** The operator set this importer would be asked for: cases are stored under sets outside its range, too. */
const withinRange = (opset: number): number => Math.min(Math.max(opset, oldest), newest);

/**
 * The case's model with inputs from `live` on made initializers, since what most operators need constant the
 * cases give at run time. Protobuf merges appended fields, so nothing is rewritten.
 */
export function withConstants(given: OnnxCase, live: number): { bytes: Uint8Array; inputs: OnnxTensor[] } {
  const model = readModel(given.model);
  const stored = new Set(model.initializers.map((tensor) => tensor.name));
  const names = model.inputs.map((input) => input.name).filter((name) => !stored.has(name));
  const writer = new BinaryWriter().raw(given.model);
  const opset = new BinaryWriter().tag(2, WireType.Varint).int64(withinRange(model.opsets.get("") ?? newest));
  writer.raw(nested(8, opset.finish()));
  given.inputs.slice(live).forEach((bytes, i) => {
    const named = new BinaryWriter()
      .raw(bytes)
      .tag(8, WireType.LengthDelimited)
      .string(names[live + i] ?? "");
    writer.raw(nested(7, nested(5, named.finish())));
  });
  const inputs = given.inputs
    .slice(0, live)
    .map((bytes, i) => ({ ...readTensor(bytes, "an input"), name: names[i] ?? "" }));
  return { bytes: writer.finish(), inputs };
}
