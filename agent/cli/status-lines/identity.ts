import { printable } from "../../core/plain-text.ts";
import { formatCount } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** The certificate in use and its renewal. */
export function identityLines(
  { certificate, daysLeft, slot, phase, renewal, keyProblems = [] }: Status["identity"],
  colors: Colors,
): readonly string[] {
  if (certificate === undefined || daysLeft === undefined) return [`identity   ${colors.red("no certificate")}`];
  const place = slot === undefined ? "" : `, slot ${slot}`;
  const left = `${formatCount(daysLeft)} days left`;
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
