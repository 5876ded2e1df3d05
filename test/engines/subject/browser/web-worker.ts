/** A module Worker: a job and the archive in, the answer out. */
import { loadModelSync } from "nibblenet";
import { check } from "../check.ts";
import { loadWith } from "../load.ts";

self.onmessage = ({ data: { job, bytes } }: MessageEvent) =>
  self.postMessage(check(loadWith(loadModelSync), bytes, job, () => performance.now()));
