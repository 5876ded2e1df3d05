import { createHash } from "node:crypto";
import type { Samples } from "../quantize/calibrate.ts";
import type { Provenance } from "../quantize/report.ts";

/** The samples, which are hashed on their first complete walk. */
export function recorded(samples: Samples): { samples: Samples; result(): Provenance["calibration"] } {
  let result: Provenance["calibration"];
  return {
    samples: {
      ...(samples.length !== undefined && { length: samples.length }),
      *[Symbol.iterator]() {
        if (result) {
          yield* samples;
          return;
        }
        const hash = createHash("sha256");
        let count = 0;
        for (const sample of samples) {
          for (const { buffer, byteOffset, byteLength } of sample.inputs)
            hash.update(new Uint8Array(buffer, byteOffset, byteLength));
          count++;
          yield sample;
        }
        result ??= { samples: count, sha256: hash.digest("hex") };
      },
    },
    result: () => result,
  };
}
