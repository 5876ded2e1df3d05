import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Record<string, string> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".html": "text/html",
};

export interface Server {
  url: string;
  close(): void;
}

/**
 * A folder on a free loopback port. `…/page?csp=…` is an empty page that runs `/browser/page.js` under that policy,
 * and `?script=…` another script. `…?type=…` is a file under that content type; every address under `/app/` is a page,
 * as with servers of single-page apps.
 */
export async function serve(folder: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, "http://localhost");
    const headers: Record<string, string> = { "cache-control": "no-store" };
    if (url.pathname.startsWith("/app/")) {
      response.writeHead(200, { ...headers, "content-type": "text/html; charset=utf-8" });
      return response.end("<!doctype html><title>app</title>");
    }
    if (url.pathname.endsWith("/page")) {
      const policy = url.searchParams.get("csp");
      if (policy) headers["content-security-policy"] = policy;
      const script = url.searchParams.get("script") ?? "/browser/page.js";
      response.writeHead(200, { ...headers, "content-type": "text/html" });
      return response.end(
        `<!doctype html><title>engines</title><script type="module" src="${script}"></script>`,
      );
    }
    try {
      const body = await readFile(join(folder, normalize(url.pathname)));
      response.writeHead(200, {
        ...headers,
        "content-type":
          url.searchParams.get("type") ?? types[extname(url.pathname)] ?? "application/octet-stream",
      });
      response.end(body);
    } catch {
      response.writeHead(404, { ...headers, "content-type": "text/html" });
      response.end("<!doctype html>not found");
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
