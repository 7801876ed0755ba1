import { busLines, rateOf } from "./status-lines/buses.ts";
import { campaignLines } from "./status-lines/campaigns.ts";
import { commandLines } from "./status-lines/commands.ts";
import { dataBudgetLines } from "./status-lines/data-budgets.ts";
import { defenderLines } from "./status-lines/defender.ts";
import { codeLines, diagnosticsLines, j1939Lines } from "./status-lines/diagnostics.ts";
import { fenceLines } from "./status-lines/fences.ts";
import { fileLines } from "./status-lines/files.ts";
import { flowLines } from "./status-lines/flow.ts";
import { frameLogLines } from "./status-lines/frame-log.ts";
import { configurationLines, headLines } from "./status-lines/head.ts";
import { identityLines } from "./status-lines/identity.ts";
import { linkLines } from "./status-lines/link.ts";
import { metricsLines } from "./status-lines/metrics.ts";
import { outboxLines } from "./status-lines/outbox.ts";
import { placeLines } from "./status-lines/place.ts";
import { programLines } from "./status-lines/programs.ts";
import type { Colors, StatusReading } from "./status-lines/reading.ts";
import { regimeLines } from "./status-lines/regime.ts";
import { securityLines } from "./status-lines/security.ts";
import { shadowLines } from "./status-lines/shadows.ts";
import { sleepLines } from "./status-lines/sleep.ts";
import { tunnelLines } from "./status-lines/tunnels.ts";
import { updateLines } from "./status-lines/updates.ts";
import { vehicleLines } from "./status-lines/vehicle.ts";
import { wrapLines } from "./text.ts";

/** Where the values stand, behind their names. */
const INDENT = 11;

/**
 * The status for people. `before` is an earlier reading of the same agent, for rates; `columns` are those of a terminal: without them
 * each line stays whole.
 */
export function statusLines(
  now: StatusReading,
  before: StatusReading | undefined,
  wallUs: number,
  colors: Colors,
  columns?: number,
): readonly string[] {
  const { status } = now;
  const rates = before !== undefined && before.status.pid === status.pid ? before : undefined;
  const blocks = [
    headLines(status, colors),
    configurationLines(status, colors),
    vehicleLines(status, colors),
    regimeLines(status),
    linkLines(status, colors),
    dataBudgetLines(status, colors),
    identityLines(status, colors),
    status.buses.flatMap((bus) => busLines(bus, rateOf(bus, now, rates), colors)),
    flowLines(status, colors),
    outboxLines(status.outbox, wallUs, colors, columns),
    frameLogLines(status, colors),
    fileLines(status, colors),
    campaignLines(status, colors),
    shadowLines(status, colors),
    programLines(status),
    sleepLines(status, colors),
    tunnelLines(status, colors),
    placeLines(status, colors),
    fenceLines(status, colors),
    diagnosticsLines(status, colors),
    codeLines(status, colors),
    j1939Lines(status, colors),
    commandLines(status),
    securityLines(status, colors),
    defenderLines(status, colors),
    metricsLines(status, colors),
    updateLines(status, colors),
  ];
  const lines = blocks.flat();
  return columns === undefined ? lines : lines.flatMap((line) => wrapLines(line, columns, INDENT));
}

/** The same as one text. */
export function statusPage(...parts: Parameters<typeof statusLines>): string {
  return `${statusLines(...parts).join("\n")}\n`;
}
