import type { RecordBody } from "./decoded-record.ts";
import type { WireRecord } from "./record-schema.ts";

/** Another network interface leads to the broker, or what is known of it has changed. */
export function linkChangeOf(wire: NonNullable<WireRecord["link_change"]>): RecordBody {
  const { modem, time_us: timeUs, ...rest } = wire;
  if (modem === null) return { kind: "link-change", ...rest, modem: undefined, timeUs };
  const { signal_percent: signalPercent, ...standing } = modem;
  return { kind: "link-change", ...rest, modem: { ...standing, signalPercent }, timeUs };
}

/** A file that an object store has. */
export function uploadedFileOf(wire: NonNullable<WireRecord["uploaded_file"]>): RecordBody {
  const { kind: fileKind, size_bytes: sizeBytes, is_checked: isChecked, time_us: timeUs, ...rest } = wire;
  return { kind: "uploaded-file", fileKind, sizeBytes, isChecked, timeUs, ...rest };
}

/** Bytes that went over links in a day that is over. */
export function dataUsageOf({ day, usage, time_us: timeUs }: NonNullable<WireRecord["data_usage"]>): RecordBody {
  const counts = usage.map(({ link, use, day_bytes: dayBytes, month_bytes: monthBytes }) => {
    return { link, use, dayBytes, monthBytes };
  });
  return { kind: "data-usage", day, usage: counts, timeUs };
}
