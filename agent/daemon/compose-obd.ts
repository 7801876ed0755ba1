import { aborted } from "../core/aborted.ts";
import type { Service } from "../core/lifecycle.ts";
import type { CodeReader } from "../diagnostics/codes/code-readers.ts";
import type { ActingEcu } from "../diagnostics/ecu-acts.ts";
import { PassiveIsoTp } from "../diagnostics/isotp/passive-isotp.ts";
import { actingObdEcu } from "../diagnostics/obd/acting-obd-ecu.ts";
import { CodePolls, type CodeSink } from "../diagnostics/obd/code-polls.ts";
import { namedEcus, OBD_ANSWERS, type ObdEcu } from "../diagnostics/obd/ecu.ts";
import type { EcuReaderParts } from "../diagnostics/obd/ecu-reader.ts";
import { EcuSpace } from "../diagnostics/obd/ecu-space.ts";
import { KnownEcus } from "../diagnostics/obd/known-ecus.ts";
import { ObdBus } from "../diagnostics/obd/obd-bus.ts";
import { ObdClient } from "../diagnostics/obd/obd-client.ts";
import { ObdValues } from "../diagnostics/obd/obd-values.ts";
import { outcomeText } from "../diagnostics/obd/outcome-text.ts";
import { OwnAnswers } from "../diagnostics/obd/own-answers.ts";
import { PassiveObd } from "../diagnostics/obd/passive-obd.ts";
import { pollRules } from "../diagnostics/obd/poll-plan.ts";
import { VinNotice } from "../diagnostics/obd/vin-notice.ts";
import type { ObdBusStatus } from "../local-api/obd-status.ts";
import type { DiagnosticBus } from "./diagnostic-bus.ts";
import type { DiagnosticsPart, DiagnosticsParts } from "./diagnostics-parts.ts";
import type { Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

/** What is put together of other people's conversations at a time: the ECUs of a bus, with the longest answers that OBD-II has. */
const PASSIVE = { addressByte: false, maxConversations: 32, maxPduBytes: 4095, maxBytes: 65_536 } as const;

/** OBD-II in the daemon: on each bus that asks for it, and on each that listens to other testers. */
export function composeObd(parts: DiagnosticsParts, runtime: Runtime): DiagnosticsPart {
  const space = new EcuSpace(parts.journal, runtime.log);
  const vins = new VinNotice({ space, notify: (notice) => parts.line.records.notices.handOver([notice]) });
  const buses = parts.buses.filter(({ settings }) => settings.obd !== undefined || settings.passive.includes("obd"));
  const made = buses.map((bus) => obdOf(bus, { parts, space, vins }, runtime));
  return {
    services: made.map(({ service }) => service),
    obd: () => made.map(({ status }) => status()),
    acting: buses.flatMap((bus) => actingEcus(bus, parts.codes.tracker)),
  };
}

type Shared = {
  readonly parts: DiagnosticsParts;
  readonly space: EcuSpace;
  readonly vins: VinNotice;
};

/** OBD-II of one bus. */
type MadeObd = { readonly service: Service; readonly status: () => ObdBusStatus };

function obdOf(bus: DiagnosticBus, shared: Shared, runtime: Runtime): MadeObd {
  const { name, settings, tap } = bus;
  const { parts, space, vins } = shared;
  const { line, loaded, codes } = parts;
  const configured = settings.obd?.ecus === undefined ? undefined : namedEcus(settings);
  const ecus = new KnownEcus({ bus: name, configured, space });
  const values = new ObdValues(name, loaded.checkedTable.table, line.pipeline, (pdu, receivedAtUs) =>
    parts.fleetwise?.takeObd(name, pdu, receivedAtUs),
  );
  const own = new OwnAnswers();
  const onVin = (vin: string): void => vins.take(vin);
  const asking = askingBus(bus, { ecus, values, own, onVin }, shared, runtime);
  const passive = new PassiveObd({
    bus: name,
    ecus,
    values,
    codes: codes.tracker,
    own,
    onStranger: (address) => {
      if (asking === undefined) ecus.meet([address]);
      else asking.meet([address]);
    },
    onVin,
  });
  const assembly = new PassiveIsoTp(PASSIVE, (pdu) => passive.take(pdu));
  const run = async (signal: AbortSignal): Promise<void> => {
    const release = settings.passive.includes("obd") ? tap.on(OBD_ANSWERS, (frame) => assembly.take(frame)) : undefined;
    await (asking?.run(signal) ?? aborted(signal));
    release?.();
  };
  return {
    service: loopService(`OBD-II of ${name}`, { run }),
    status: () => {
      const { incomplete, evicted, tooLong } = assembly.counters();
      return {
        bus: name,
        ecus: asking?.facts() ?? [],
        passive: { ...passive.counters(), incomplete, evicted, tooLong },
      };
    },
  };
}

type BusParts = Pick<EcuReaderParts, "ecus" | "values" | "onVin"> & { readonly own: OwnAnswers };

/** What asks on a bus; undefined where nothing is to be asked. */
function askingBus(
  { name, settings, tester }: DiagnosticBus,
  { ecus, values, own, onVin }: BusParts,
  { parts }: Shared,
  { clock, log }: Runtime,
): ObdBus | undefined {
  const { obd } = settings;
  if (obd === undefined) return undefined;
  const { codes, line } = parts;
  const noted = own.noting(tester);
  const reader: EcuReaderParts = {
    tester: noted,
    ecus,
    values,
    codes: codes.tracker,
    settings: readerSettings(obd),
    onVin,
    clock,
    log,
  };
  return new ObdBus({
    reader,
    addressing: obd.addressing,
    isNamed: obd.ecus !== undefined,
    onReading: (ecu) => codes.readers.add(codeReader(ecu, reader, obd.freezeFrames)),
    onEcu: (event, response, ecu) => {
      log.info(event, { bus: name, response, ecu: ecu ?? "" });
      const detail =
        ecu === undefined ? `no name for the ECU ${response} on ${name}` : `${ecu} is ${response} on ${name}`;
      line.records.notices.handOver([{ event, detail }]);
    },
  });
}

/** An ECU for whoever wants its codes read or cleared now. */
function codeReader(ecu: ObdEcu, { tester, values, codes, clock }: EcuReaderParts, freezeFrames: boolean): CodeReader {
  const { bus } = tester;
  const client = new ObdClient(tester, ecu, "command");
  const technician = new ObdClient(tester, ecu, "technician");
  const polls = new CodePolls({ bus, client, codes, values, settings: { everyMs: 0, freezeFrames }, clock });
  return {
    origin: { bus, ecu: ecu.name, protocol: "obd" },
    read: async (signal) => await polls.read(signal),
    clear: async (signal) => {
      const outcome = await technician.clearCodes(signal);
      if (outcome.kind !== "done") return outcomeText(outcome);
      codes.noteClear({ bus, ecu: ecu.name }, "agent");
      return undefined;
    },
  };
}

/** Those that the configuration names: commands can name no others. */
function actingEcus({ name: bus, settings, tester }: DiagnosticBus, codes: CodeSink): readonly ActingEcu[] {
  return namedEcus(settings).map((ecu) =>
    actingObdEcu(new ObdClient(tester, ecu, "command"), () => codes.noteClear({ bus, ecu: ecu.name }, "agent")),
  );
}

type ObdSettings = NonNullable<DiagnosticBus["settings"]["obd"]>;

/** Names of PIDs were checked with the configuration. */
function readerSettings({ signals, codesEverySeconds, freezeFrames }: ObdSettings): EcuReaderParts["settings"] {
  return { rules: pollRules(signals), codesEveryMs: codesEverySeconds * 1000, freezeFrames };
}
