import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatCount, formatCounted } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** Nothing where no frame log is kept. */
export function frameLogLines({ frameLog }: Status, colors: Colors): readonly string[] {
  if (frameLog === undefined) return [];
  const { state, problem, file, files, bytes, maxBytes, written, dropped } = frameLog;
  const lost = dropped === 0 ? "" : colors.red(`, ${formatCount(dropped)} dropped`);
  return [
    `frame log  ${state}${file === undefined ? "" : ` ${printable(file)}`}, ${formatCounted(written, "frame")}`,
    `           ${formatCounted(files, "file")}, ${formatBytes(bytes)} of ${formatBytes(maxBytes)}${lost}`,
    ...(problem === undefined ? [] : [`           ${colors.red(printable(problem))}`]),
  ];
}
