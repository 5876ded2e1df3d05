/** workerd: POST a job, get the answer. */
import { loadModelSync } from "nibblenet";
import { check } from "./check.ts";
import { loadWith } from "./load.ts";
// The harness puts the packed models beside the bundle.
import archive from "./models.bin";

export default {
  async fetch(request: Request): Promise<Response> {
    const bytes = new Uint8Array(archive);
    return Response.json(
      check(loadWith(loadModelSync), bytes, await request.json(), () => performance.now()),
    );
  },
};
