import { formatBytes, formatCount, formatCounted } from "../../core/quantity.ts";
import { hexOfId } from "../../ports/arbitration-id.ts";
import { alignColumns } from "../text.ts";
import { bitRateText } from "./bit-rates.ts";
import type { BusMeter, BusReading, IdReading } from "./bus-meter.ts";

/** What the rows of ids can be sorted by. */
export const ID_SORTS = ["id", "rate", "load", "jitter"] as const;
export type IdSort = (typeof ID_SORTS)[number];

/** `can0  500 kbit/s  load 23.4 % (at most 27.1 %)  1 234 frames/s  8.1 kB/s`, with error frames where there are some. */
export function loadLine(name: string, meter: BusMeter, { load, ...reading }: BusReading): string {
  const { bitrate, dataBitrate } = meter.rates;
  const words = [name];
  if (bitrate !== undefined)
    words.push(bitRateText(bitrate) + (dataBitrate === undefined ? "" : ` / ${bitRateText(dataBitrate)}`));
  words.push(
    load === undefined ? "load unknown: no bit rate" : `load ${percent(load.exact)} (at most ${percent(load.most)})`,
  );
  words.push(
    `${formatCount(reading.framesPerSecond)} frames/s`,
    `${formatBytes(Math.round(reading.bytesPerSecond))}/s`,
  );
  if (reading.errorFrames > 0) words.push(formatCounted(reading.errorFrames, "error frame"));
  return words.join("  ");
}

/** A table of ids, with its heading; gaps and jitter in ms. */
export function idLines(ids: readonly IdReading[], sort: IdSort): readonly string[] {
  const heading = ["ID", "BYTES", "FRAMES", "PER S", "GAP MIN", "MEAN", "MAX", "JITTER", "LOAD"];
  const rows = sorted(ids, sort).map((one) => [
    hexOfId(one),
    String(one.length),
    String(one.frames),
    one.perSecond.toFixed(one.perSecond < 10 ? 2 : 1),
    ms(one.gapUs?.least),
    ms(one.gapUs?.mean),
    ms(one.gapUs?.most),
    ms(one.jitterUs),
    one.load === undefined ? "-" : percent(one.load),
  ]);
  return alignColumns(
    [heading, ...rows].map(([id, ...numbers]) => [id, ...numbers.map((text, at) => text.padStart(WIDTHS[at]))]),
  );
}

const WIDTHS = [5, 6, 6, 7, 7, 7, 7, 6] as const;

function sorted(ids: readonly IdReading[], sort: IdSort): readonly IdReading[] {
  switch (sort) {
    case "id":
      return ids;
    case "rate":
      return ids.toSorted((a, b) => b.perSecond - a.perSecond);
    case "load":
      return ids.toSorted((a, b) => (b.load ?? b.frames) - (a.load ?? a.frames));
    case "jitter":
      return ids.toSorted((a, b) => (b.jitterUs ?? -1) - (a.jitterUs ?? -1));
  }
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

function ms(us: number | undefined): string {
  if (us === undefined) return "-";
  const value = us / 1000;
  return value >= 10_000 ? `${Math.round(value / 1000)} s` : value.toFixed(value < 100 ? 3 : 1);
}
