import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AgentError, messageOf } from "../core/errors.ts";

const TEXT = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
} as const;

/** Ours. scripts/packaging puts them beside the code, and those of uPlot with them. */
export const PAGE_FILES = [
  "index.html",
  "style.css",
  "parts.css",
  "icon.svg",
  "controls.js",
  "dom.js",
  "event-stream.js",
  "format.js",
  "history.js",
  "line-view.js",
  "page.js",
  "parts-view.js",
  "plot.js",
  "signals-view.js",
  "store.js",
  "transport-view.js",
] as const;

/** Of the plotting library, as its package has them. */
export const PLOT_FILES = ["uPlot.iife.min.js", "uPlot.min.css"] as const;

/** A file of the page: its bytes, and what they are. */
export type PageFile = { readonly type: string; readonly body: Buffer };

/** The page by path of request, read once: no path of a request reaches the disk. Throws `input.missing`. */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  const folder = fileURLToPath(new URL("./page", import.meta.url));
  const ours = PAGE_FILES.map((name) => [name, join(folder, name)] as const);
  const plots = PLOT_FILES.map((name) => [name, plotFile(folder, name)] as const);
  return new Map(
    [...ours, ...plots].map(([name, path]) => [name === "index.html" ? "/" : `/${name}`, readPageFile(path)]),
  );
}

/** In a package it lies beside our own; in a checkout it is in the folder of npm. */
function plotFile(folder: string, name: string): string {
  const packed = join(folder, name);
  return existsSync(packed) ? packed : createRequire(import.meta.url).resolve(`uplot/dist/${name}`);
}

function readPageFile(path: string): PageFile {
  try {
    return { type: typeOf(path), body: readFileSync(path) };
  } catch (thrown) {
    throw new AgentError("input.missing", {
      what: `a file of the page cannot be read: ${messageOf(thrown)}`,
      remedy: "install the package again, or run scripts/setup run in the checkout",
      cause: thrown,
    });
  }
}

function typeOf(path: string): string {
  const ending = path.slice(path.lastIndexOf(".") + 1);
  return Object.entries(TEXT).find(([known]) => known === ending)?.[1] ?? "application/octet-stream";
}
