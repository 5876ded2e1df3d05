/** A Worker that has its model loaded before the first request. */
import { loadModelSync } from "nibblenet";
// The harness puts the packed model beside the bundle.
import file from "./keyword.nbl";

const model = loadModelSync(file);

export default {
  fetch: (): Response => new Response(model.tier),
};
