/** Meanings of the failure mode identifier, 0 to 31 (SAE J1939-73, appendix A, as the table fmis.csv of j1939-84 by ETI has them). */
const FAILURE_MODES: readonly string[] = [
  "above normal range, most severe",
  "below normal range, most severe",
  "erratic, intermittent or incorrect",
  "voltage above normal, or shorted to high source",
  "voltage below normal, or shorted to low source",
  "current below normal, or open circuit",
  "current above normal, or grounded circuit",
  "mechanical system not responding, or out of adjustment",
  "abnormal frequency, pulse width or period",
  "abnormal update rate",
  "abnormal rate of change",
  "root cause not known",
  "bad intelligent device or component",
  "out of calibration",
  "special instructions",
  "above normal range, least severe",
  "above normal range, moderately severe",
  "below normal range, least severe",
  "below normal range, moderately severe",
  "received network data in error",
  "drifted high",
  "drifted low",
];
const CONDITION_EXISTS = 31;

/** What a failure mode identifier means; "reserved" for those that SAE keeps. */
export function failureModeText(fmi: number): string {
  if (fmi === CONDITION_EXISTS) return "condition exists";
  return FAILURE_MODES[fmi] ?? "reserved";
}
