/** Real browsers for what is tested in pages, and the server that gives them their pages. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import process from "node:process";
import { chromium, type Browser } from "playwright-core";

const PLACES = {
  chromium: [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  "firefox-esr": [process.env["FIREFOX"], "/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

/** Where a browser is. One that is not there is installed, where that can be done. */
export function browserAt(name: keyof typeof PLACES): string {
  const find = (): string | undefined => PLACES[name].find((path) => path !== undefined && existsSync(path));
  const found = find();
  if (found !== undefined) return found;
  if (existsSync("/usr/bin/apt-get") && process.getuid?.() === 0) {
    console.error(`ferrous: installing ${name}, once`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const run = (...args: string[]): unknown => execFileSync("apt-get", ["-q", "-y", ...args], { stdio: ["ignore", "ignore", 2], env });
    run("update");
    run("install", "--no-install-recommends", name);
  }
  const installed = find();
  if (installed !== undefined) return installed;
  const variable = name === "chromium" ? "CHROMIUM" : "FIREFOX";
  throw new Error(`there is no ${name} here: install it (apt-get install ${name}), or say where it is in the variable ${variable}.`);
}

export const openChromium = (): Promise<Browser> => chromium.launch({ executablePath: browserAt("chromium"), args: ["--no-sandbox"] });

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".map": "application/json",
};
/** Without these a page has no shared memory. */
export const ISOLATION = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** A server that gives out a folder, and where it is. */
export interface Served {
  /** With a slash at its end. */
  readonly url: string;
  close(): void;
}

/**
 * @param headers  of every file: of the page, of its modules and of its workers
 * @param instead  texts in place of files, by their path from the root
 */
export async function serve(
  folder: string,
  headers: Record<string, string> = ISOLATION,
  instead: Record<string, string> = {},
): Promise<Served> {
  const server: Server = createServer(({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://page");
    // Nobody shall look for what a browser asks for by itself.
    if (pathname === "/favicon.ico") return void response.writeHead(204).end();
    const path = join(folder, decodeURIComponent(pathname.endsWith("/") ? `${pathname}index.html` : pathname));
    const text = instead[pathname];
    if (text === undefined && !existsSync(path)) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream", ...headers });
    response.end(text ?? readFileSync(path));
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
  return {
    url: `http://127.0.0.1:${String(port)}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
