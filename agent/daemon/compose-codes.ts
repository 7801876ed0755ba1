import { readCodes } from "../commands/actions/read-codes.ts";
import { codeEvents } from "../diagnostics/codes/code-events.ts";
import { CodeReaders } from "../diagnostics/codes/code-readers.ts";
import { CodeReports } from "../diagnostics/codes/code-reports.ts";
import { CodeTracker } from "../diagnostics/codes/code-tracker.ts";
import { codesHandlers } from "../local-api/codes-handlers.ts";
import type { Journal } from "../ports/journal.ts";
import { odometerOf } from "../vehicle/odometer.ts";
import { CODE_NUMBER_KEY, CODE_REPORT_KEY, keptCount } from "./code-records.ts";
import type { DiagnosticsPart, DiagnosticsParts } from "./diagnostics-parts.ts";
import { openKept } from "./open-kept.ts";
import type { DataLine, RecordSinks, Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

export type CodesComposeParts = Pick<DiagnosticsParts, "settings"> & {
  readonly line: Pick<DataLine, "outbox" | "activeCodes" | "position"> & {
    readonly records: Pick<RecordSinks, "troubleCodes" | "sendCodeReport">;
    readonly vehicle: Pick<DataLine["vehicle"], "signals">;
  };
  readonly journal: Pick<Journal, "atomically" | "get" | "list" | "put">;
};

/** Trouble codes for all who read them, and what they add to the daemon. */
type MadeCodes = DiagnosticsParts["codes"] & { readonly part: DiagnosticsPart };

/** The part of the composition root for trouble codes. Without a journal that can be read they are tracked in memory. */
export function composeCodes(
  { settings, line, journal }: CodesComposeParts,
  { clock, log }: Pick<Runtime, "clock" | "log">,
): MadeCodes {
  const { records, outbox, position, vehicle } = line;
  const kept = outbox.kept();
  const odometerKm = odometerOf(vehicle.signals, settings.codes.odometer, "diagnostics.codes.odometer");
  const trackerOf = (store: CodesComposeParts["journal"]): CodeTracker => {
    const sink = records.troubleCodes;
    const events = codeEvents({ journal: store, sink, storedNumber: keptCount(kept, CODE_NUMBER_KEY) });
    events.handOver();
    const known = { odometerKm, position: () => position.current() };
    return new CodeTracker({ settings: settings.codes, journal: store, events, ...known, clock, log });
  };
  const tracker = openKept((standIn) => trackerOf(standIn ?? journal), "codes.not-kept", log);
  line.activeCodes.use(() => tracker.active());
  const readers = new CodeReaders();
  const reports = new CodeReports({
    tracker,
    send: records.sendCodeReport,
    lastDay: keptCount(kept, CODE_REPORT_KEY),
    reportHour: settings.codes.reportHour,
    clock,
  });
  const technicians = new Map(settings.buses.map(({ bus, technician }) => [bus, technician]));
  const mayClear = (bus: string): boolean => technicians.get(bus)?.includes("clear") ?? false;
  const part = {
    services: [loopService("reports of trouble codes", reports)],
    verbs: codesHandlers({ tracker, readers, mayClear, log }),
    actions: [readCodes({ tracker, readers, report: (ecu) => reports.ask(ecu) })],
  };
  return { tracker, readers, part };
}
