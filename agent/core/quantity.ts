const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** A count with a space every three digits: "1 234 567". */
export function formatCount(value: number): string {
  return Math.round(value)
    .toString()
    .replaceAll(/\B(?=(\d{3})+$)/g, " ");
}

/** A count with its noun: "1 record", "1 234 records", "2 buses" where `many` says so. */
export function formatCounted(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}

/** Bytes in powers of 1000, three digits: "0 B", "12.3 kB", "256 MB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** A length of time in its two largest units: "340 ms", "12 s", "5 min 3 s", "2 h 14 min", "3 d 4 h". */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (ms < 1000) return `${Math.max(0, Math.floor(ms))} ms`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** How far a clock may be off: "0.31 ms", "12 ms", "1.5 s", "3 min 3 s"; "unknown" where nobody knows. */
export function formatError(errorMs: number | undefined): string {
  if (errorMs === undefined) return "unknown";
  if (errorMs >= 60_000) return formatDuration(errorMs);
  if (errorMs >= 1000) return `${Number((errorMs / 1000).toPrecision(2))} s`;
  return `${Number(errorMs.toPrecision(2))} ms`;
}
