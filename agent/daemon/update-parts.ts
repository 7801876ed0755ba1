import type { AgentConfig, OtaConfig } from "../../config/schema.ts";
import type { CollectSupportParts } from "../commands/actions/collect-support.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Renewal } from "../identity/renewal.ts";
import type { Broker } from "../ports/broker.ts";
import type { Journal } from "../ports/journal.ts";
import type { LatestSignals } from "../signals/latest-signals.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { HealthFacts } from "../telemetry/health.ts";
import type { UpdatePhase } from "../telemetry/record/encode/update-phase.ts";
import type { ClockSteps } from "../vehicle/safety-gate.ts";
import { type DaemonConfig } from "./layered-config.ts";
import type { OpenIdentity } from "./open-identity.ts";

/** What updates are made of. */
export type UpdateParts = {
  readonly loaded: DaemonConfig;
  readonly config: AgentConfig;
  readonly otaConfig: OtaConfig;
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly bootId: string;
  readonly journal: Journal;
  readonly phases: RecordSink<UpdatePhase>;
  readonly signals: LatestSignals;
  readonly steps: ClockSteps;
  readonly broker: Broker;
  readonly identities: Pick<OpenIdentity, "identityStore">;
  readonly renewal: Renewal | undefined;
  readonly diagnostics: CollectSupportParts;
  readonly health: () => HealthFacts;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};
