import { printable } from "../../core/plain-text.ts";
import { formatBytes } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import { heldBack } from "../../support/link-checks.ts";
import type { Colors } from "./reading.ts";

type Modem = NonNullable<NonNullable<Status["links"]>["modems"]>["modems"][number];

const INDENT = "           ";

/** The interface in use, modems, budgets and what waits for them. Nothing where nothing is said of links. */
export function dataBudgetLines(status: Status, colors: Colors): readonly string[] {
  const { links } = status;
  if (links === undefined) return [];
  const { inUse, modems, budgets } = links;
  const way =
    inUse === undefined
      ? "no way to the broker"
      : `${printable(inUse.name)}, ${inUse.isMetered ? "metered" : "not metered"}, cost ${inUse.cost}`;
  return [
    `interface  ${way}`,
    ...(modems?.modems ?? []).map((modem) => `${INDENT}modem ${printable(modemText(modem))}`),
    ...(modems?.isAnswering === false
      ? [`${INDENT}${colors.yellow("modems not known: ModemManager does not answer")}`]
      : []),
    ...budgets.map(({ of, use, dayBytes, monthBytes, dayUsedBytes, monthUsedBytes }) => {
      const day = dayBytes === undefined ? [] : [`${formatBytes(dayUsedBytes)} of ${formatBytes(dayBytes)} today`];
      const month =
        monthBytes === undefined ? [] : [`${formatBytes(monthUsedBytes)} of ${formatBytes(monthBytes)} this month`];
      return `${INDENT}${printable(of)} ${use.join(", ")}: ${[...day, ...month].join(", ")}`;
    }),
    ...heldBack(status).map((line) => `${INDENT}${colors.yellow(line)}`),
  ];
}

/** "connected, roaming with Example Mobile, 5g lte, signal 67 %, RSRP -95.5 dBm". */
function modemText({ state, failure, registration, operator, technology, signalPercent, rsrpDbm }: Modem): string {
  const isRegistered = registration === "home" || registration === "roaming";
  return [
    failure === "" ? state : `${state} (${failure})`,
    ...(isRegistered ? [`${registration}${operator === "" ? "" : ` with ${operator}`}`] : []),
    ...(technology === "" ? [] : [technology]),
    ...(signalPercent === undefined ? [] : [`signal ${signalPercent} %`]),
    ...(rsrpDbm === undefined ? [] : [`RSRP ${rsrpDbm} dBm`]),
  ].join(", ");
}
