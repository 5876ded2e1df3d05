/** Bytes over the network, and errors that say what came instead. Without async functions, as load.ts. */

import { NibbleError } from "./errors.ts";

/** What can be fetched, and what the errors say of it. */
export interface Wanted {
  source: Response | URL | string;
  name: string;
  /** "a packed model (.nbl)" */
  what: string;
  /** The first four bytes of such a file. */
  magic: readonly number[];
}

/** @throws NibbleError "io" naming the address, the cause and the remedy; as a rejection. */
export function fetchBytes(wanted: Wanted): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  return responseOf(wanted.source)
    .then((answer) => {
      response = answer;
      if (answer.ok) return answer.arrayBuffer();
      throw new NibbleError(
        "io",
        `${placeOf(wanted, answer)}: the server answered ${answer.status} ${answer.statusText}`.trimEnd() +
          `; put ${wanted.what} there, or correct the address`,
      );
    })
    .then((buffer) => {
      const bytes = new Uint8Array(buffer);
      refuseText(wanted, response, bytes);
      return bytes;
    })
    .catch((cause) => {
      if (cause instanceof NibbleError) throw cause;
      throw new NibbleError(
        "io",
        `${wanted.name}: fetching it failed (${cause instanceof Error ? cause.message : cause}); check that its ` +
          "server is up, can be reached from here and allows this origin; offline, serve it from a cache or hand in the bytes",
        { cause },
      );
    });
}

/** Servers of single-page apps answer 200 and a page to every address that they do not know. */
function refuseText(wanted: Wanted, response: Response, bytes: Uint8Array): void {
  if (wanted.magic.every((byte, i) => bytes[i] === byte)) return;
  const type = response.headers.get("content-type") ?? "no content type";
  const first = bytes.find((byte) => byte > 32);
  const page = /html/.test(type) || first === 60;
  if (!page) return;
  throw new NibbleError(
    "io",
    `${placeOf(wanted, response)}: expected ${wanted.what}, found an HTML page (${type}); the file is not at that ` +
      "address and the server answers its page for unknown ones: correct the address, or have the server serve the file",
  );
}

const placeOf = ({ name }: Wanted, { url }: Response): string =>
  !url || url === name ? name : `${name} (${url})`;

function responseOf(source: Response | URL | string): Promise<Response> {
  if (typeof source !== "string" && !(typeof URL !== "undefined" && source instanceof URL))
    return Promise.resolve(source as Response);
  if (typeof fetch !== "undefined") return fetch(source);
  return Promise.reject(new Error("this JavaScript engine has no fetch; hand in the bytes"));
}

export function nameOf(source: unknown, fallback: string): string {
  if (typeof source === "string") return source;
  if (typeof URL !== "undefined" && source instanceof URL) return source.href;
  if (typeof Response !== "undefined" && source instanceof Response) return source.url || fallback;
  return fallback;
}
