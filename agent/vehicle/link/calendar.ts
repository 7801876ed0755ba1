const DAY_MS = 86_400_000;

/** Days of UTC since 1970, of a time in ms since the Unix epoch. */
export function dayOf(wallMs: number): number {
  return Math.floor(wallMs / DAY_MS);
}

/** Months of UTC since January 1970. */
export function monthOf(wallMs: number): number {
  const date = new Date(wallMs);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

/** When the day ends, ms since the Unix epoch. */
export function dayEndMs(wallMs: number): number {
  return (dayOf(wallMs) + 1) * DAY_MS;
}

/** When the month ends, ms since the Unix epoch. */
export function monthEndMs(wallMs: number): number {
  return Date.UTC(1970, monthOf(wallMs) + 1);
}
