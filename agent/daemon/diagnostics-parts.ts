import type { DiagnosticsConfig } from "../../config/diagnostics.ts";
import type { Action } from "../commands/action.ts";
import type { Service } from "../core/lifecycle.ts";
import type { CodeReaders } from "../diagnostics/codes/code-readers.ts";
import type { CodeTracker } from "../diagnostics/codes/code-tracker.ts";
import type { ActingEcu } from "../diagnostics/ecu-acts.ts";
import type { J1939Status } from "../local-api/j1939-status.ts";
import type { ObdBusStatus } from "../local-api/obd-status.ts";
import type { ServedVerb } from "../local-api/verb.ts";
import type { Journal } from "../ports/journal.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import type { DiagnosticBus } from "./diagnostic-bus.ts";
import type { DataLine, Fleetwise } from "./parts.ts";

/** What OBD-II, UDS, J1939 and the trouble codes are composed from. */
export type DiagnosticsParts = {
  readonly settings: DiagnosticsConfig;
  readonly loaded: DaemonConfig;
  readonly buses: readonly DiagnosticBus[];
  readonly line: DataLine;
  /** Takes what is read of trouble codes, and knows who can read them. */
  readonly codes: { readonly tracker: CodeTracker; readonly readers: CodeReaders };
  /** What wants answers of OBD-II too; undefined where the agent is no vehicle of FleetWise. */
  readonly fleetwise: Pick<Fleetwise, "takeObd"> | undefined;
  /** One that cannot be opened refuses what is stored in it. */
  readonly journal: Journal;
};

/** What a part of diagnostics adds to the daemon; its services run between the start and the stop of the buses. */
export type DiagnosticsPart = {
  readonly services?: readonly Service[];
  readonly verbs?: readonly ServedVerb[];
  readonly actions?: readonly Action[];
  /** Control units that commands may change something in. */
  readonly acting?: readonly ActingEcu[];
  /** How OBD-II does. */
  readonly obd?: () => readonly ObdBusStatus[];
  /** Those that are known by a name alone, and may be there or not. */
  readonly findActing?: (name: string) => ActingEcu | undefined;
  /** How J1939 does. */
  readonly j1939?: () => readonly J1939Status[];
};
