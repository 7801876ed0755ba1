import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatCount } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

const INDENT = "           ";

/** Uploads, and why one does not go on. Nothing where nothing is uploaded. */
export function fileLines({ files }: Status, colors: Colors): readonly string[] {
  if (files === undefined) return [];
  const { uploads, stored, failed, dayUsedBytes, dayBytes } = files;
  const ended = failed === 0 ? "" : `, ${colors.yellow(`${formatCount(failed)} given up`)}`;
  const today = `${formatBytes(dayUsedBytes)} of ${formatBytes(dayBytes)} today`;
  return [
    `uploads    ${formatCount(uploads.length)} under way, ${formatCount(stored)} stored${ended}, ${today}`,
    ...uploads.flatMap(({ kind, name, state, bytes, sentBytes, problem }) => [
      `${INDENT}${printable(`${kind} ${name}`)}: ${formatBytes(sentBytes)} of ${formatBytes(bytes)}, ${state}`,
      ...(problem === undefined ? [] : [`${INDENT}  ${colors.yellow(printable(problem))}`]),
    ]),
  ];
}
