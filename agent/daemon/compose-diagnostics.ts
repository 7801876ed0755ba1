import type { BusDiagnosticsConfig, DiagnosticsConfig } from "../../config/diagnostics.ts";
import { controllerLook } from "../../drivers/can/controller.ts";
import { createIsoTp } from "../../drivers/can/isotp.ts";
import type { Service } from "../core/lifecycle.ts";
import { createFrameIsoTp } from "../diagnostics/isotp/frame-isotp.ts";
import { BusTester } from "../diagnostics/tester/bus-tester.ts";
import { BusFrameTap } from "../diagnostics/tester/frame-tap.ts";
import { createOffTester } from "../diagnostics/tester/off-tester.ts";
import type { SilenceNotice } from "../diagnostics/tester/silence.ts";
import { testerSettings } from "../diagnostics/tester/tester-settings.ts";
import { TransmitGate } from "../diagnostics/tester/transmit-gate.ts";
import { diagnosticsHandlers } from "../local-api/diagnostics-handlers.ts";
import type { CanBus } from "../ports/can-bus.ts";
import type { IsoTp } from "../ports/isotp.ts";
import type { Journal } from "../ports/journal.ts";
import type { WantedSignals } from "../signals/wanted-signals.ts";
import { composeCodes } from "./compose-codes.ts";
import { composeJ1939 } from "./compose-j1939-node.ts";
import { composeObd } from "./compose-obd.ts";
import { composeUds } from "./compose-uds.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { transmitCondition } from "./configuration/transmit-conditions.ts";
import type { DiagnosticBus } from "./diagnostic-bus.ts";
import type { DiagnosticsPart, DiagnosticsParts } from "./diagnostics-parts.ts";
import { ecuDirectory } from "./ecu-directory.ts";
import type { DataLine, Diagnostics, Runtime, SideLines } from "./parts.ts";
import { isListenOnly, type RequestIds } from "./request-ids.ts";

export type DiagnosticsComposeParts = {
  readonly settings: DiagnosticsConfig;
  readonly loaded: DaemonConfig;
  readonly line: DataLine;
  readonly wanted: WantedSignals;
  /** What the drivers let out, by bus. */
  readonly requestIds: ReadonlyMap<string, RequestIds>;
  readonly journal: Journal;
  /** `sleep` and `regime` are asked before each request. */
  readonly beside: Pick<SideLines, "fleetwise" | "sleep" | "regime">;
};

/** A bus of diagnostics as this room has it. */
type MadeBus = DiagnosticBus & {
  readonly shown: BusFrameTap;
  readonly gate: TransmitGate | undefined;
  readonly stop: () => void;
};

/** The part of the composition root for diagnostics. Throws `config.invalid` for a condition that cannot be used. */
export function composeDiagnostics(parts: DiagnosticsComposeParts, runtime: Runtime): Diagnostics {
  const { settings } = parts;
  const buses = settings.buses.map((bus, index) => busOf(bus, index, parts, runtime));
  const byName = new Map(buses.map((bus) => [bus.name, bus]));
  const { loaded, line, journal, beside } = parts;
  const { fleetwise } = beside;
  const codes = composeCodes({ settings, line, journal }, runtime);
  const made = [codes.part, ...composeParts({ settings, loaded, buses, line, codes, fleetwise, journal }, runtime)];
  return {
    buses,
    besides: (name, first) => {
      const bus = byName.get(name);
      if (bus === undefined) return first;
      return {
        onFrames: (batch) => {
          first.onFrames(batch);
          bus.shown.onFrames(batch);
        },
        onState: (state, detail) => {
          first.onState(state, detail);
          bus.gate?.onState(state);
        },
      };
    },
    services: [...buses.map(testerService), ...made.flatMap(({ services = [] }) => services)],
    verbs: [
      ...diagnosticsHandlers(buses.map(({ tester, settings: { technician } }) => ({ tester, rights: technician }))),
      ...made.flatMap(({ verbs = [] }) => verbs),
    ],
    actions: made.flatMap(({ actions = [] }) => actions),
    ecus: ecuDirectory(
      made.flatMap(({ acting = [] }) => acting),
      made.flatMap(({ findActing }) => findActing ?? []),
    ),
    status: () => {
      const obd = made.flatMap((part) => part.obd?.() ?? []);
      const j1939 = made.flatMap((part) => part.j1939?.() ?? []);
      const known = { active: codes.tracker.active().length, ...codes.tracker.counters() };
      return {
        buses: buses.map(({ tester }) => tester.state()),
        ...(obd.length === 0 ? {} : { obd }),
        ...(j1939.length === 0 ? {} : { j1939 }),
        codes: known,
      };
    },
  };
}

/** What is done on the buses: each of them is a part of its own. */
function composeParts(parts: DiagnosticsParts, runtime: Runtime): readonly DiagnosticsPart[] {
  return [composeObd(parts, runtime), composeUds(parts, runtime), composeJ1939(parts, runtime)];
}

function busOf(
  settings: BusDiagnosticsConfig,
  index: number,
  parts: DiagnosticsComposeParts,
  runtime: Runtime,
): MadeBus {
  const { wanted, line } = parts;
  const { bus: name, transmit } = settings;
  let release = (): void => undefined;
  const shown = new BusFrameTap((filters) => {
    release();
    release = wanted.want(`diagnostics of ${name}`, { signals: [], frames: [{ bus: name, filters }] });
    wanted.settle();
  });
  const observed = line.buses.find(({ bus }) => bus.name === name);
  if (transmit === undefined || observed === undefined) {
    const tester = createOffTester(name, `diagnostics of bus ${name} has no transmit: nothing is sent there`);
    const nothing = (): void => undefined;
    return { name, settings, tester, tap: shown, shown, gate: undefined, addRequestIds: nothing, stop: nothing };
  }
  const { bus } = observed;
  const { clock } = runtime;
  const gate = gateOf(parts, index, runtime);
  const tester = new BusTester({
    bus,
    isotp: isoTpOf(parts, bus, shown, runtime),
    tap: shown,
    settings: testerSettings(transmit),
    refusal: () => {
      const what = parts.beside.sleep?.mayTransmit(name, false);
      return what === undefined ? gate.refusal() : { kind: "withheld", reason: "condition", what };
    },
    notice: noticeOf(line, runtime),
    clock,
  });
  return {
    name,
    settings,
    tester,
    tap: shown,
    shown,
    gate,
    addRequestIds: (ids) => {
      parts.requestIds.get(name)?.add(ids);
      tester.watch(ids);
    },
    stop: () => tester.stop(),
  };
}

/** The kernel's ISO-TP goes past the driver's permission, and is held to the same ids. */
function isoTpOf(
  { loaded, requestIds }: DiagnosticsComposeParts,
  bus: CanBus,
  tap: BusFrameTap,
  { clock, log }: Runtime,
): IsoTp {
  const frames = createFrameIsoTp({ bus: bus.name, send: (frame) => bus.send(frame), tap, clock });
  const config = loaded.config.buses.find(({ name }) => name === bus.name);
  const ids = requestIds.get(bus.name);
  const permits = (id: number, extended: boolean): boolean => ids?.allows({ id, extended }) === true;
  return config === undefined ? frames : createIsoTp(config, { frames, permits, log });
}

function noticeOf({ records }: Pick<DataLine, "records">, { log }: Pick<Runtime, "log">) {
  return ({ event, detail }: SilenceNotice): void => {
    log.info(event, { detail });
    records.notices.handOver([{ event, detail }]);
  };
}

function gateOf(
  { settings, loaded, line, beside }: DiagnosticsComposeParts,
  index: number,
  { log }: Runtime,
): TransmitGate {
  const { bus: name } = settings.buses[index];
  const config = loaded.config.buses.find((one) => one.name === name);
  const safety = transmitCondition(loaded, index, line.vehicle);
  return new TransmitGate({
    bus: name,
    condition: () => beside.regime?.regimes.refusal("diagnostics") ?? safety?.check(),
    isListenOnly: config !== undefined && isListenOnly(config),
    lookAtController: config === undefined ? undefined : controllerLook(config),
    onListenOnly: () => log.warn("diagnostics.listen-only", { bus: name }),
  });
}

/** Looks at the controller before anything is asked; ends what is asked before the bus stops. */
function testerService({ name, gate, stop }: MadeBus): Service {
  return {
    name: `tester of ${name}`,
    start: async () => gate?.look(),
    stop: async () => stop(),
  };
}
