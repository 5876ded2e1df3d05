/** Where a command writes; tests hand in their own. */
export interface Io {
  stdout: Stream;
  stderr: Stream;
  env: Readonly<Record<string, string | undefined>>;
}

type Stream = NodeJS.WritableStream & { isTTY?: boolean };
