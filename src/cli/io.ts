/** Where a command writes; tests hand in their own. */
export interface Io {
  stdout: Stream;
  stderr: Stream;
  env: Readonly<Record<string, string | undefined>>;
  /** Instead of the signals that the process gets. */
  signal?: AbortSignal;
}

type Stream = NodeJS.WritableStream & { isTTY?: boolean };
