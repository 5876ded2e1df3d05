#!/usr/bin/env node
import { main } from "./main.ts";

// A reader that has seen enough (`| head`) is no reason to stop: the files are still to be written.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });

process.exitCode = await main(process.argv.slice(2), process);
