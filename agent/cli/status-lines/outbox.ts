import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import { STREAMS, type StreamName } from "../../ports/outbox.ts";
import { tableLines } from "../text.ts";
import type { Colors } from "./reading.ts";

const HEADING = ["  stream", "waiting", "bytes", "last seq", "dead", "lost", "oldest"];

/** The streams of the outbox, one a line, with a heading where `columns` have room for a table. */
export function outboxLines(
  outbox: Status["outbox"],
  wallUs: number,
  colors: Colors,
  columns?: number,
): readonly string[] {
  const share = ((outbox.bytes / outbox.maxBytes) * 100).toFixed(1);
  const why = [outbox.fault?.what, outbox.disk?.isFull === true ? "the disk is full" : undefined];
  const rows = STREAMS.map((stream) => streamRow(stream, outbox.streams[stream], wallUs));
  const table = tableLines([HEADING, ...rows], columns);
  return [
    `buffer     ${formatCounted(outbox.records, "record")}, ${formatBytes(outbox.bytes)} of ${formatBytes(outbox.maxBytes)} (${share} %), epoch ${outbox.epoch}`,
    ...diskLines(outbox),
    ...salvageLines(outbox),
    ...table.map((line) => (line.startsWith(HEADING[0]) ? colors.dim(line) : line)),
    ...why.flatMap((what) => (what === undefined ? [] : [`           ${colors.red(printable(what))}`])),
  ];
}

function diskLines({ disk }: Status["outbox"]): readonly string[] {
  if (disk === undefined) return [];
  const free = disk.freeBytes === undefined ? "free space unknown" : `${formatBytes(disk.freeBytes)} free`;
  const held = disk.reserve === "none" ? "no reserve" : `${formatBytes(disk.reserveBytes)} in reserve`;
  return [`disk       ${free}, ${held}${disk.reserve === "part" ? " (not all of it)" : ""}`];
}

function salvageLines({ salvage }: Status["outbox"]): readonly string[] {
  if (salvage === undefined) return [];
  const { file, rows, totalRows, records } = salvage;
  const share = Math.floor((100 * rows) / Math.max(1, totalRows));
  return [`salvage    ${share} % of ${printable(file)} read, ${formatCounted(records, "record")} saved`];
}

function streamRow(
  stream: StreamName,
  stats: Status["outbox"]["streams"][StreamName],
  wallUs: number,
): readonly string[] {
  return [
    `  ${stream}`,
    formatCount(stats.records),
    formatBytes(stats.bytes),
    formatCount(stats.lastSeq),
    formatCount(stats.dead),
    formatCount(stats.lost),
    stats.oldestUs === undefined ? "-" : formatDuration((wallUs - stats.oldestUs) / 1000),
  ];
}
