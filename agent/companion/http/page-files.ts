import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Hono } from "hono";

/** Files of the page, and what they are. No path of a request reaches the disk. */
const FILES = {
  "index.html": "text/html; charset=utf-8",
  "style.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "backend.js": "text/javascript; charset=utf-8",
  "vehicle.js": "text/javascript; charset=utf-8",
  "command.js": "text/javascript; charset=utf-8",
  "icon.svg": "image/svg+xml",
} as const;

/** The page, read once from `folder`. Throws what reading throws. */
export function pageFiles(folder: string): Hono {
  const routes = new Hono();
  for (const [name, type] of Object.entries(FILES)) {
    const text = readFileSync(join(folder, name), "utf8");
    const headers = { "content-type": type, "cache-control": "no-cache" };
    routes.get(name === "index.html" ? "/" : `/${name}`, (context) => context.body(text, 200, headers));
  }
  return routes;
}
