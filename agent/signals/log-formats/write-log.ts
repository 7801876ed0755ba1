import { AscEncoder } from "./asc-encoder.ts";
import { BlfEncoder } from "./blf-encoder.ts";
import { CandumpEncoder } from "./candump-encoder.ts";
import type { LogEncoder } from "./log-encoder.ts";
import { TrcEncoder } from "./trc-encoder.ts";

/** Formats in which logs are written. */
export const WRITTEN_FORMATS = ["candump", "asc", "blf", "trc"] as const;
export type WrittenFormat = (typeof WRITTEN_FORMATS)[number];

/** A writer of a log in `format`. */
export function createLogEncoder(format: WrittenFormat): LogEncoder {
  switch (format) {
    case "candump":
      return new CandumpEncoder();
    case "asc":
      return new AscEncoder();
    case "blf":
      return new BlfEncoder();
    case "trc":
      return new TrcEncoder();
  }
}

/** The format that the end of a file's name stands for, candump for any other than .asc, .blf and .trc. */
export function formatOfName(name: string): WrittenFormat {
  if (/\.asc$/i.test(name)) return "asc";
  if (/\.trc$/i.test(name)) return "trc";
  return /\.blf$/i.test(name) ? "blf" : "candump";
}

/** The end of a file's name for a format, with the dot. */
export function extensionOf(format: WrittenFormat): string {
  return format === "candump" ? ".log" : `.${format}`;
}
