import { printable } from "../../core/plain-text.ts";
import { formatCount } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** The certificate in use and its renewal. */
export function identityLines(
  { identity, clockQuality }: Pick<Status, "identity" | "clockQuality">,
  colors: Colors,
): readonly string[] {
  const { certificate, daysLeft, slot, phase, renewal, keyProblems = [] } = identity;
  if (certificate === undefined || daysLeft === undefined) return [`identity   ${colors.red("no certificate")}`];
  const place = slot === undefined ? "" : `, slot ${slot}`;
  const left = leftBy(clockQuality, daysLeft);
  const next =
    renewal.nextAt === undefined ? "" : `, ${renewal.state === "failed" ? "again" : "from"} ${renewal.nextAt}`;
  const change = phase === undefined ? "" : ` (${phase})`;
  const lines = [
    `identity   ${printable(certificate.subject)}${place}, ${daysLeft < 0 ? colors.red("expired") : left}, until ${certificate.notAfter}`,
    `           renewal ${renewal.state}${change}${next}`,
  ];
  const faults = [
    ...(renewal.fault === undefined ? [] : [renewal.fault.what]),
    ...keyProblems.map((problem) => `the key in use is unfit: ${problem}`),
  ];
  return [...lines, ...faults.map((what) => `           ${colors.red(printable(what))}`)];
}

/** Days until the certificate expires, as far as the clock can say: a saved one is behind, and one that nobody has set may be in 1970. */
function leftBy(quality: Status["clockQuality"], daysLeft: number): string {
  if (quality === "unsynchronised") return "clock not set";
  return `${quality === "saved" ? "at most " : ""}${formatCount(daysLeft)} days left`;
}
