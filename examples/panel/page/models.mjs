// The models to choose from: those that the server lists, and files that were added.
import { loadModelSync } from "../engine/listen.js";

export function createModels(select) {
  const known = [];

  function put(bytes, name, wasm) {
    const model = loadModelSync(bytes, { wasm, name });
    const { labels = [model.outputs[0].name], listen = {} } = model.metadata ?? {};
    const { hop = model.inputs[0].shape.at(-1), sampleRate = 16000 } = listen;
    known.push({
      bytes,
      title: listen.title ?? name,
      labels,
      ignore: listen.ignore ?? [],
      threshold: listen.threshold ?? 0.5,
      step: hop / sampleRate,
    });
    const option = new Option(known.at(-1).title, String(known.length - 1));
    select.append(option);
    return option;
  }

  return {
    chosen: () => known[Number(select.value)],
    async load(list, wasm) {
      const entries = await (await fetch(list)).json();
      for (const { file } of entries) {
        const bytes = new Uint8Array(await (await fetch(file)).arrayBuffer());
        put(bytes, file.split("/").at(-1), wasm);
      }
    },
    async add(file, wasm) {
      put(new Uint8Array(await file.arrayBuffer()), file.name, wasm).selected = true;
    },
  };
}
