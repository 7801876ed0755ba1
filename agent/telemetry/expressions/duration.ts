const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const PARTS =
  /^(?:(\d{1,9}(?:\.\d{1,9})?)h)?(?:(\d{1,9}(?:\.\d{1,9})?)m)?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/;

/**
 * Milliseconds of the text of a CEL duration, hours first: "1h30m", "2.5s", "100ms" (google.protobuf.Duration as CEL writes it; language
 * definition of cel-spec, "Duration"). A sign and units below a millisecond are not taken. Undefined when it is no such text.
 */
export function durationMs(text: string): number | undefined {
  const found = PARTS.exec(text);
  if (found === null || text === "") return undefined;
  const [, hours = "0", minutes = "0", seconds = "0", millis = "0"] = found;
  return (
    Number(hours) * UNIT_MS.h + Number(minutes) * UNIT_MS.m + Number(seconds) * UNIT_MS.s + Number(millis) * UNIT_MS.ms
  );
}
