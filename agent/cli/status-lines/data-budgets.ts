import { printable } from "../../core/plain-text.ts";
import { formatBytes } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import { heldBack } from "../../support/link-checks.ts";
import type { Colors } from "./reading.ts";

const INDENT = "           ";

/** The interface in use, budgets and what waits for them. Nothing where nothing is said of links. */
export function dataBudgetLines(status: Status, colors: Colors): readonly string[] {
  const { links } = status;
  if (links === undefined) return [];
  const { inUse, budgets } = links;
  const way =
    inUse === undefined
      ? "no way to the broker"
      : `${printable(inUse.name)}, ${inUse.isMetered ? "metered" : "not metered"}, cost ${inUse.cost}`;
  return [
    `interface  ${way}`,
    ...budgets.map(({ of, use, dayBytes, monthBytes, dayUsedBytes, monthUsedBytes }) => {
      const day = dayBytes === undefined ? [] : [`${formatBytes(dayUsedBytes)} of ${formatBytes(dayBytes)} today`];
      const month =
        monthBytes === undefined ? [] : [`${formatBytes(monthUsedBytes)} of ${formatBytes(monthBytes)} this month`];
      return `${INDENT}${printable(of)} ${use.join(", ")}: ${[...day, ...month].join(", ")}`;
    }),
    ...heldBack(status).map((line) => `${INDENT}${colors.yellow(line)}`),
  ];
}
