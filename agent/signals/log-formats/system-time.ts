/** The SYSTEMTIME at `at` in µs since the Unix epoch, which names no zone and is read as UTC; undefined when it is none, as in a header of zeros. */
export function systemTimeUs(view: DataView, at: number): number | undefined {
  const [year, month, , day, hour, minute, second, ms] = Array.from({ length: 8 }, (_, index) =>
    view.getUint16(at + 2 * index, true),
  );
  const timeMs = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  const isReal = year >= 1970 && year < 10_000 && month >= 1 && month <= 12 && new Date(timeMs).getUTCDate() === day;
  return isReal && hour < 24 && minute < 60 && second < 60 && ms < 1000 ? timeMs * 1000 : undefined;
}

/** Writes a time in µs since the Unix epoch, in UTC; zeros for the epoch itself, which stands for no time. */
export function writeSystemTime(view: DataView, at: number, us: number): void {
  const date = new Date(us / 1000);
  if (us === 0 || Number.isNaN(date.getTime())) return;
  const parts = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDay(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    date.getUTCMilliseconds(),
  ];
  parts.forEach((part, index) => view.setUint16(at + 2 * index, part, true));
}
