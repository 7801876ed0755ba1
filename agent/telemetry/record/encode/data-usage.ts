import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const USAGE = { day: 1, usage: 2, timeUs: 3 } as const;
const LINK = { link: 1, use: 2, dayBytes: 3, monthBytes: 4 } as const;

/** Bytes that went over links in a day that is over. */
export type DataUsageReport = {
  /** Days of UTC since 1970; undefined where no clock was believed in it. */
  readonly day: number | undefined;
  /** Bounded by who counts. */
  readonly usage: readonly {
    readonly link: string;
    /** A stream of records, ota, files or tunnels. */
    readonly use: string;
    readonly dayBytes: number;
    readonly monthBytes: number;
  }[];
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Writes the `DataUsage` message as field `field`. */
export function writeDataUsage(writer: ProtobufWriter, field: number, report: DataUsageReport): void {
  writer.begin(field, 32 + report.usage.length * 48);
  if (report.day !== undefined) writer.presentUintField(USAGE.day, report.day);
  for (const { link, use, dayBytes, monthBytes } of report.usage) {
    writer.begin(USAGE.usage, 48);
    writer.stringField(LINK.link, link);
    writer.stringField(LINK.use, use);
    writer.uintField(LINK.dayBytes, dayBytes);
    writer.uintField(LINK.monthBytes, monthBytes);
    writer.end();
  }
  writer.sintField(USAGE.timeUs, report.timeUs);
  writer.end();
}
