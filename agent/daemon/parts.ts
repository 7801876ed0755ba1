import type { AgentConfig, OtaConfig } from "../../config/schema.ts";
import type { PresenceParts } from "../cloud/presence.ts";
import type { Action } from "../commands/action.ts";
import type { CatalogueFile } from "../commands/actions/catalogue.ts";
import type { Authority } from "../commands/authority.ts";
import type { RejectionBudgetParts } from "../commands/rejection-budget.ts";
import type { OtherStates } from "../commands/state-templates.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import type { CodeCounters } from "../diagnostics/codes/code-tracker.ts";
import type { EcuDirectory } from "../diagnostics/ecu-acts.ts";
import type { TesterState } from "../diagnostics/tester/tester-bus.ts";
import type { KeyWatch } from "../identity/key-watch.ts";
import type { Renewal } from "../identity/renewal.ts";
import type { JobHandler } from "../jobs/job.ts";
import type { DefenderStatus } from "../local-api/defender-status.ts";
import type { FencesStatus } from "../local-api/fences-status.ts";
import type { FileHandlerParts } from "../local-api/files-handlers.ts";
import type { FilesStatus } from "../local-api/files-status.ts";
import type { J1939Status } from "../local-api/j1939-status.ts";
import type { LinksStatus } from "../local-api/links-status.ts";
import type { MetricsStatus } from "../local-api/metrics-status.ts";
import type { ObdBusStatus } from "../local-api/obd-status.ts";
import type { PlaceStatus } from "../local-api/place-status.ts";
import type { ProgramsStatus } from "../local-api/programs-status.ts";
import type { RegimeStatus } from "../local-api/regime-status.ts";
import type { SecurityStatus } from "../local-api/security-status.ts";
import type { ShadowsStatus } from "../local-api/shadows-status.ts";
import type { SleepStatus } from "../local-api/sleep-status.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { TimeStatus } from "../local-api/time-status.ts";
import type { TunnelsStatus } from "../local-api/tunnels-status.ts";
import type { VehicleStatus } from "../local-api/vehicle-status.ts";
import type { ServedVerb } from "../local-api/verb.ts";
import type { Broker, LinkStatus } from "../ports/broker.ts";
import type { BusSink } from "../ports/can-bus.ts";
import type { Journal } from "../ports/journal.ts";
import type { Outbox } from "../ports/outbox.ts";
import type { ProgramCommands } from "../ports/program-commands.ts";
import type { Downloader } from "../ports/update.ts";
import type { SupportCollector } from "../support/support-collector.ts";
import type { ActiveCodes } from "../telemetry/active-codes.ts";
import type { CampaignControl } from "../telemetry/campaigns/arrival/campaign-control.ts";
import type { CampaignStore, KeptCampaigns } from "../telemetry/campaigns/arrival/campaign-store.ts";
import type { LocalCampaigns } from "../telemetry/campaigns/arrival/local-campaigns.ts";
import type { CampaignSet } from "../telemetry/campaigns/run/campaign-set.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { FrameCapture } from "../telemetry/frame-capture.ts";
import type { HealthFacts } from "../telemetry/health.ts";
import type { FrameHistory } from "../telemetry/history/frame-history.ts";
import type { KnownPosition } from "../telemetry/known-position.ts";
import type { Pipeline } from "../telemetry/pipeline.ts";
import type { Publisher } from "../telemetry/publish/publisher.ts";
import type { AuditEntry } from "../telemetry/record/encode/audit.ts";
import type { ClockChange } from "../telemetry/record/encode/clock-change.ts";
import type { CodeReport } from "../telemetry/record/encode/code-report.ts";
import type { Notice } from "../telemetry/record/encode/events.ts";
import type { OutgoingFile } from "../telemetry/record/encode/file.ts";
import type { HealthReport } from "../telemetry/record/encode/health.ts";
import type { SecurityEvent } from "../telemetry/record/encode/security-event.ts";
import type { TroubleCodeEvent } from "../telemetry/record/encode/trouble-code.ts";
import type { TunnelEvent } from "../telemetry/record/encode/tunnel-event.ts";
import type { UpdatePhase } from "../telemetry/record/encode/update-phase.ts";
import type { UploadedFile } from "../telemetry/record/encode/uploaded-file.ts";
import type { VehicleEvent } from "../telemetry/record/encode/vehicle-event.ts";
import type { VehicleFacts } from "../telemetry/vehicle-facts.ts";
import type { VehicleEvents } from "../vehicle/events/vehicle-events.ts";
import type { DataBudget } from "../vehicle/link/data-budget.ts";
import type { Links } from "../vehicle/link/links.ts";
import type { LocationSignals } from "../vehicle/place/location-signals.ts";
import type { PrivacyRules } from "../vehicle/place/privacy-rules.ts";
import type { Whereabouts } from "../vehicle/place/whereabouts.ts";
import type { Regimes } from "../vehicle/regime/regimes.ts";
import type { SafetyGateParts } from "../vehicle/safety-gate.ts";
import type { SleepKeeper } from "../vehicle/sleep/sleep-keeper.ts";
import type { MayTransmit } from "../vehicle/sleep/transmit-rule.ts";
import type { VehicleStates } from "../vehicle/state/vehicle-state.ts";
import type { CampaignFiles } from "./configuration/campaign-files.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import type { DiagnosticBus } from "./diagnostic-bus.ts";
import type { MetricBook } from "./metric-book.ts";
import type { OpenIdentity } from "./open-identity.ts";
import type { ProcessContext } from "./process-context.ts";
import type { ObservedBus } from "./services.ts";

/** The process and its surroundings, for every part of the daemon. */
export type Runtime = ProcessContext & {
  readonly bootId: string;
  readonly random: () => number;
  readonly log: Log;
  /** Where each part says how its numbers are read. */
  readonly metrics: MetricBook;
};

/** The session with the broker, and what looks after its credential. */
export type CloudLink = {
  readonly identities: OpenIdentity;
  readonly broker: Broker;
  readonly presence: PresenceParts;
  /** Undefined where there is no token, or no template to renew with. */
  readonly renewal: Renewal | undefined;
  /** Undefined for a key in a file. */
  readonly keyWatch: KeyWatch | undefined;
};

/** Campaigns as the data line has them; `history` is undefined where none is kept. */
export type Campaigns = {
  readonly set: CampaignSet;
  readonly control: CampaignControl;
  readonly store: CampaignStore;
  /** Those of the command line. */
  readonly local: LocalCampaigns;
  /** What the cloud had set before this start; undefined where it sets none. */
  readonly keptOfCloud: KeptCampaigns | undefined;
  /** Reads the vehicle's own files again. */
  readonly reload: () => Promise<CampaignFiles>;
  readonly history: FrameHistory | undefined;
  /** A snapshot where `collect.snapshot.on` has sleep; nothing where not. */
  readonly snapshotBeforeSleep: () => void;
  readonly services: CampaignServices;
};

/** Parts of campaigns with a lifetime. They stop in the other order: those that start after the pipeline have stopped when it writes for the last time. */
export type CampaignServices = {
  readonly beforePipeline: readonly Service[];
  readonly afterPipeline: readonly Service[];
};

/** The line from the buses to the broker, in the order in which a frame takes it. */
export type DataLine = {
  readonly buses: readonly ObservedBus[];
  readonly pipeline: Pipeline;
  readonly campaigns: Campaigns;
  readonly capture: FrameCapture;
  readonly records: RecordSinks;
  readonly outbox: Outbox;
  readonly publisher: Publisher;
  /** The file of the continuous log that is being written; undefined where there is none. */
  readonly loggedFile: () => string | undefined;
  /** For what campaigns say of them: told by diagnostics. */
  readonly activeCodes: ActiveCodes;
  /** For records of what happens: told by whoever knows where the vehicle is. */
  readonly position: KnownPosition;
  /** What the line knows of the vehicle's state; `facts` is for what campaigns say of it. */
  readonly vehicle: SafetyGateParts & { readonly facts: VehicleFacts };
};

/** The agent as a vehicle of FleetWise. */
export type Fleetwise = {
  /** The state templates of its cloud. */
  readonly states: OtherStates;
  /** How it does, for a support bundle. */
  readonly facts: () => unknown;
  /** Shows the frames of a bus to `first`, and then to what the cloud wants of them. */
  readonly besides: (bus: string, first: BusSink) => BusSink;
  /** Takes an answer of OBD-II (`41 PID data`) that came on a bus. */
  readonly takeObd: (bus: string, pdu: Uint8Array, receivedAtUs: number) => void;
  /** Listens for documents and checks in. Start it before the first connection. */
  readonly documents: Service;
  /** Start it before the buses. */
  readonly collecting: Service;
};

/** Trouble codes and live data of control units, and the buses on which they are asked. */
export type Diagnostics = {
  readonly buses: readonly DiagnosticBus[];
  /** Shows the frames of a bus to `first`, and then to what diagnostics want of them. */
  readonly besides: (bus: string, first: BusSink) => BusSink;
  /** Start them after the buses. */
  readonly services: readonly Service[];
  readonly verbs: readonly ServedVerb[];
  /** What remote commands can ask for. */
  readonly actions: readonly Action[];
  /** Control units in which commands of the catalogue may change something. */
  readonly ecus: EcuDirectory;
  readonly status: () => {
    readonly buses: readonly TesterState[];
    readonly obd?: readonly ObdBusStatus[];
    readonly codes: CodeCounters & { readonly active: number };
    readonly j1939?: readonly J1939Status[];
  };
};

/** Remote commands: where they come from, what they may do, and where they are remembered. */
export type ControlParts = {
  readonly loaded: DaemonConfig;
  readonly commandsConfig: NonNullable<AgentConfig["commands"]>;
  readonly catalogue: CatalogueFile;
  readonly journal: Journal;
  readonly link: CloudLink;
  readonly line: DataLine;
  readonly support: SupportCollector;
  readonly beside: SideLines;
};

/** The state of the vehicle, its ignition and its trips. */
export type VehicleLine = {
  readonly states: VehicleStates;
  /** For all who have something to tell of the vehicle. */
  readonly events: VehicleEvents;
  /** Before a sleep: the open trip has come so far. */
  readonly noteTrip: () => void;
  readonly verbs: readonly ServedVerb[];
  readonly status: () => VehicleStatus;
  /** Start them after the buses. */
  readonly services: readonly Service[];
};

/** Records of other programs, and commands for them. */
export type ProgramsLine = {
  readonly commands: ProgramCommands;
  /** Start it after the pipeline. */
  readonly service: Service;
  readonly status: () => ProgramsStatus;
};

/** What each state of the vehicle does. */
export type RegimeLine = {
  readonly regimes: Regimes;
  readonly status: () => RegimeStatus;
  /** Start it before the pipeline. */
  readonly service: Service;
};

/** The way to sleep and back. */
export type Sleep = {
  readonly keeper: SleepKeeper;
  /** Shows the frames of a bus to `next`. */
  readonly besides: (bus: string, next: BusSink) => BusSink;
  readonly mayTransmit: MayTransmit;
  /** Start it last: it stops first. */
  readonly service: Service;
  readonly verbs: readonly ServedVerb[];
  readonly status: () => SleepStatus;
};

/** Tunnels through which support reaches services of the gateway. */
export type TunnelLine = {
  /** By which policy notifications are judged, which nobody signs; none is taken before, and none where it is undefined. */
  readonly judgeBy: (authority: Pick<Authority, "judgeUnsigned" | "use"> | undefined) => void;
  /** What remote commands can ask for. */
  readonly actions: readonly Action[];
  readonly verbs: readonly ServedVerb[];
  readonly status: () => TunnelsStatus;
  /** Start it before the first connection. */
  readonly service: Service;
};

/** Where the vehicle is. */
export type Place = {
  readonly whereabouts: Whereabouts;
  /** For who has a say in what leaves the vehicle. */
  readonly rules: PrivacyRules;
  readonly signals: Pick<LocationSignals, "takeOdometer">;
  readonly status: () => PlaceStatus;
  readonly verbs: readonly ServedVerb[];
  /** Shows the frames of a bus to what reads positions from them, and keeps from `sink` those that say where the vehicle is while that stays in it. */
  readonly besides: (bus: string, sink: BusSink) => BusSink;
  /** Start it after the pipeline. */
  readonly service: Service;
};

/** What follows from the place of the vehicle: fences, the way by position, and who keeps positions in the vehicle. */
export type FenceLines = {
  /** Start it before `Place.service`. */
  readonly service: Service;
  readonly status: () => FencesStatus;
  readonly verbs: readonly ServedVerb[];
};

/** The links to the cloud, and what may go over them. */
export type LinkLine = {
  readonly links: Links;
  /** Undefined where no budget is configured. */
  readonly budget: DataBudget | undefined;
  /** A downloader whose bytes count for the budgets. */
  readonly counted: (downloader: Downloader) => Downloader;
  /** Start them before the publisher. */
  readonly services: readonly Service[];
  readonly status: () => LinksStatus;
};

/** The shadow of the vehicle's state. */
export type ShadowLine = {
  /** From where its facts are; nothing is told before. */
  readonly tellStatus: (status: () => Status) => void;
  readonly status: () => ShadowsStatus;
  /** Start it before the first connection. */
  readonly service: Service;
};

/** What the wall clock is worth, and by whom. */
export type TimeLine = {
  /** Start it after the pipeline. */
  readonly service: Service;
  readonly status: () => TimeStatus;
};

/** Takes a fault of the link, and the reason code of the DISCONNECT that it came with; it may be the same as the one before. */
export type LinkFaultTaker = (fault: NonNullable<LinkStatus["fault"]>, reasonCode: number | undefined) => void;

/** What is told of who tries what with the vehicle or its agent. */
export type SecurityLine = {
  readonly onRejected: RejectionBudgetParts["onRejected"];
  /** Start it before the link. */
  readonly service: Service;
  readonly status: () => SecurityStatus;
};

/** Reports to AWS IoT Device Defender. */
export type DefenderLine = {
  readonly service: Service;
  readonly status: () => DefenderStatus;
};

/** Who reads the metrics. */
export type MetricsLine = {
  /** Start them last. */
  readonly services: readonly Service[];
  readonly status: () => MetricsStatus;
};

/** Uploads to an object store. */
export type FilesLine = {
  /** Who makes support bundles and files of the log; none can be asked for before. */
  readonly offer: (support: Pick<SupportCollector, "collect" | "logFile">) => void;
  /** What remote commands can ask for. */
  readonly actions: readonly Action[];
  /** What somebody at the vehicle can ask for. */
  readonly local: FileHandlerParts;
  /** What jobs of the cloud can ask for; `problem` says why a document would not be taken. */
  readonly job: { readonly handler: JobHandler; readonly problem: (document: unknown) => string | undefined };
  readonly status: () => FilesStatus;
  /** Start it after the pipeline: what it has stored last becomes a record. */
  readonly service: Service;
};

/** Lines beside the data line; undefined where the configuration has none of them, and nothing of theirs is loaded. */
export type SideLines = {
  readonly fleetwise: Fleetwise | undefined;
  readonly vehicle: VehicleLine | undefined;
  readonly sleep: Sleep | undefined;
  readonly tunnels: TunnelLine | undefined;
  readonly regime: RegimeLine | undefined;
  readonly place: Place | undefined;
  readonly fences: FenceLines | undefined;
  readonly diagnostics: Diagnostics | undefined;
  readonly links: LinkLine | undefined;
  readonly time: TimeLine | undefined;
  readonly shadows: ShadowLine | undefined;
  readonly programs: ProgramsLine | undefined;
  readonly security: SecurityLine | undefined;
  readonly defender: DefenderLine | undefined;
  readonly files: FilesLine | undefined;
  readonly metrics: MetricsLine | undefined;
  /** Ends the connection that they share; stop it after them. */
  readonly systemBus: Service;
};

/** Updates: where they come from, what they are judged by, and where they are remembered. */
export type UpdateParts = {
  readonly loaded: DaemonConfig;
  readonly otaConfig: OtaConfig;
  readonly journal: Journal;
  readonly link: CloudLink;
  readonly line: DataLine;
  readonly support: SupportCollector;
  readonly health: () => HealthFacts;
  readonly beside: Pick<SideLines, "links" | "regime" | "files">;
};

/** Where the other lines leave their records for the outbox. */
export type RecordSinks = {
  readonly audit: RecordSink<AuditEntry>;
  readonly notices: RecordSink<Notice>;
  readonly phases: RecordSink<UpdatePhase>;
  readonly clockChanges: RecordSink<ClockChange>;
  readonly troubleCodes: RecordSink<TroubleCodeEvent>;
  readonly securityEvents: RecordSink<SecurityEvent>;
  readonly vehicle: RecordSink<VehicleEvent>;
  readonly tunnelEvents: RecordSink<TunnelEvent>;
  readonly uploadedFiles: RecordSink<UploadedFile>;
  /** `day`, of the report of one, is kept with it. */
  readonly sendCodeReport: (report: CodeReport, day: number | undefined) => void;
  readonly sendHealth: (report: HealthReport) => void;
  /** Gives the number of records that the file became. */
  readonly sendFile: (file: OutgoingFile) => number;
};
