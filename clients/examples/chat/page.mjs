// The page and its three assets, read anew on every request: edit, reload.

import { readFile } from "node:fs/promises";

const files = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/chat.css": ["chat.css", "text/css; charset=utf-8"],
  "/chat.js": ["chat.js", "text/javascript; charset=utf-8"],
  "/link.js": ["link.js", "text/javascript; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
};

const config = {
  endpoint: process.env.GATEWIRE_WS ?? "ws://127.0.0.1:8080/dev",
};

const headers = {
  "Cache-Control": "no-cache",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; " +
    "img-src 'self'; connect-src 'self' ws: wss:; form-action 'none'; " +
    "base-uri 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

export async function servePage(path, res) {
  if (path === "/config.json")
    return send(res, 200, "application/json", JSON.stringify(config));
  if (!Object.hasOwn(files, path))
    return send(res, 404, "text/plain; charset=utf-8", "nothing here\n");
  const [name, type] = files[path];
  const file = new URL(`public/${name}`, import.meta.url);
  send(res, 200, type, await readFile(file));
}

function send(res, status, type, body) {
  res.writeHead(status, { ...headers, "Content-Type": type }).end(body);
}
