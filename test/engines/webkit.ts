import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { debianVersion } from "./apt.ts";
import type { Browser } from "./browser-engine.ts";
import { startServer, stop } from "./process.ts";

const binary = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";

/** WebKit's MiniBrowser on a virtual screen, through plain WebDriver calls; one page at a time. */
export async function launchWebKit(): Promise<Browser> {
  if (!existsSync(binary)) throw new Error("WebKitGTK's MiniBrowser is not installed");
  const display = ["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"];
  const screen = await startServer("Xvfb", display, /^(\d+)\n/m);
  const port = await freePort();
  const driver = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], {
    stdio: "ignore",
    env: {
      ...process.env,
      DISPLAY: `:${screen.match[1]}`,
      LIBGL_ALWAYS_SOFTWARE: "1",
      WEBKIT_DISABLE_COMPOSITING_MODE: "1",
      NO_AT_BRIDGE: "1",
      GDK_BACKEND: "x11",
    },
  });
  const call = async (method: string, path: string, body?: unknown): Promise<never> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(100_000),
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`WebDriver ${path}: ${value.error} ${value.message}`);
    return value as never;
  };
  const end = async (): Promise<void> => {
    await stop(driver);
    await stop(screen.child);
  };
  try {
    await untilReady(() => call("GET", "/status"));
    const options = { binary, args: ["--automation"] };
    const { sessionId } = await call("POST", "/session", {
      capabilities: { alwaysMatch: { browserName: "MiniBrowser", "webkitgtk:browserOptions": options } },
    });
    const session = `/session/${sessionId}`;
    await call("POST", `${session}/timeouts`, { script: 90_000, pageLoad: 30_000 });
    const page = {
      goto: (url: string) => call("POST", `${session}/url`, { url }),
      async evaluate(expression: string): Promise<unknown> {
        const script = `const done = arguments[arguments.length - 1];
          Promise.resolve(${expression}).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
        const { value, error } = (await call("POST", `${session}/execute/async`, { script, args: [] })) as {
          value: unknown;
          error?: string;
        };
        if (error) throw new Error(error);
        return value;
      },
      close: () => call("POST", `${session}/url`, { url: "about:blank" }),
    };
    return {
      version: async () => debianVersion("libwebkit2gtk-4.1-0") ?? "",
      newPage: async () => page,
      async close() {
        await call("DELETE", session).catch(() => {});
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function untilReady(ask: () => Promise<unknown>): Promise<void> {
  for (let i = 0; ; i++) {
    try {
      await ask();
      return;
    } catch (error) {
      if (i === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
