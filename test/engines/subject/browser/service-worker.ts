/** A classic service worker, bundled whole: a job, the archive and a port in, the answer out through the port. */
import { loadModelSync } from "nibblenet";
import { check } from "../check.ts";
import { loadWith } from "../load.ts";

self.addEventListener("message", (event) => {
  const { job, bytes, port } = (event as MessageEvent).data;
  port.postMessage(check(loadWith(loadModelSync), bytes, job, () => performance.now()));
});
