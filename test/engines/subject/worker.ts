/** workerd: POST a job, get the answer. */
import { type LoadOptions, loadModelSync } from "nibblenet";
import { check, type Load } from "./check.ts";
import { handed } from "./handed.mjs";
// The harness writes both beside the bundle: the packed models, and the engine's modules by tier.
import archive from "./models.bin";

const load: Load = (bytes, name, tier) =>
  loadModelSync(bytes, {
    name,
    ...(handed[tier] ? { wasm: handed[tier] } : { tier: tier as LoadOptions["tier"] & {} }),
  });

export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(check(load, new Uint8Array(archive), await request.json(), () => performance.now()));
  },
};
