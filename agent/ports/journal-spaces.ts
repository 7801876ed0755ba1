/** Documents that a space holds under one key, or under one key for each of something. */
type KeptDocument = {
  /** The key, or what each key is, in capitals. */
  readonly key: string;
  readonly holds: string;
  /** The file that owns them, and the schema in it that reads them back. */
  readonly schema: readonly [file: string, name: string];
  /** The file that reads and writes them for it, where that is another. */
  readonly through?: string;
  /** Who may delete them; a document that is only ever replaced has nobody. */
  readonly deletedBy: string;
};

/**
 * Every space of the journal, and all that it holds: what the parts of the agent remember across power cuts and reboots, besides the
 * command ledger (`CommandEntry`), the outbox, and the files of the state directory (CONTRIBUTING, "Where is it"). The names are those
 * of the column `space` on the disk.
 *
 * Nobody reads a space but the files that are named here. A loss of the journal takes all of it, and says so (`JournalStatus`).
 */
export const JOURNAL_SPACES = {
  audit: [
    {
      key: "head",
      holds: "number and digest of the newest entry of the audit trail, which the next one is chained to",
      schema: ["agent/commands/audit.ts", "headSchema"],
      deletedBy: "nobody",
    },
  ],
  "audit-pending": [
    {
      key: "NUMBER",
      holds: "entries of the audit trail that the outbox does not have yet",
      schema: ["agent/commands/audit.ts", "entrySchema"],
      deletedBy: "PendingEntries: what the outbox has, and the oldest beyond the bound",
    },
  ],
  collection: [
    {
      key: "rules",
      holds:
        "rules of collection that a command has set, as JSON text; while there are none, those of the configuration count",
      schema: ["agent/commands/collection-rules.ts", "RuleSchema"],
      deletedBy: "CollectionRules: when a command goes back to those of the configuration",
    },
  ],
  "command-keys": [
    {
      key: "set",
      holds: "the newest set of keys that may sign commands",
      schema: ["agent/commands/key-set.ts", "keySetSchema"],
      deletedBy: "nobody",
    },
    {
      key: "counter:KEY_ID",
      holds: "counters that a key has used, so that no signed command acts twice",
      schema: ["agent/commands/key-set.ts", "counterSchema"],
      deletedBy: "nobody",
    },
  ],
  "rollback-index": [
    {
      key: "COMPONENT",
      holds: "the newest release of a component that was installed: its rollback index, which only grows",
      schema: ["agent/updates/trust/rollback-indexes.ts", "installedComponent"],
      deletedBy: "nobody",
    },
  ],
  "rollback-index-seal": [
    {
      key: "rollback-indexes",
      holds: "the rollback indexes that the counter in the TPM vouches for, in place of those in rollback-index",
      schema: ["agent/updates/trust/sealed-rollback-indexes.ts", "sealed"],
      deletedBy: "nobody",
    },
  ],
  job: [
    {
      key: "current",
      holds: "the job execution that is under way, and how it ended until the service knows",
      schema: ["agent/jobs/job-runner.ts", "begun"],
      through: "agent/jobs/execution-memory.ts",
      deletedBy: "JobRunner: when the service knows how it ended, or has withdrawn it",
    },
    {
      key: "config",
      holds: "the settings that a job or the shadow tries, or goes back from",
      schema: ["agent/jobs/settings/settings-trials.ts", "attempt"],
      through: "agent/jobs/execution-memory.ts",
      deletedBy: "SettingsTrials: when the attempt is over",
    },
    {
      key: "rotation",
      holds: "the certificate that a rotation began with",
      schema: ["agent/jobs/handlers/rotation-job.ts", "begun"],
      through: "agent/jobs/execution-memory.ts",
      deletedBy: "nobody; the next rotation replaces it",
    },
    {
      key: "upload",
      holds: "the upload that a job has ordered, so that it orders none twice",
      schema: ["agent/files/upload-job.ts", "begun"],
      through: "agent/jobs/execution-memory.ts",
      deletedBy: "nobody; the next job that orders one replaces it",
    },
    {
      key: "steps",
      holds: "the step of a job that has begun, which is not begun twice",
      schema: ["agent/jobs/handlers/steps-job.ts", "begun"],
      through: "agent/jobs/execution-memory.ts",
      deletedBy: "nobody; the next step replaces it",
    },
  ],
  ecus: [
    {
      key: "obd:BUS",
      holds: "the ECUs of OBD-II that answered on a bus, their names, and what each of them has",
      schema: ["agent/diagnostics/obd/known-ecus.ts", "knownEcus"],
      through: "agent/diagnostics/obd/ecu-space.ts",
      deletedBy: "nobody",
    },
    {
      key: "vin",
      holds: "the SHA-256 of the VIN that was told last, so that it is told once",
      schema: ["agent/diagnostics/obd/vin-notice.ts", "toldVin"],
      through: "agent/diagnostics/obd/ecu-space.ts",
      deletedBy: "nobody",
    },
  ],
  "ledger-seal": [
    {
      key: "state",
      holds:
        "what vouches for the command ledger and its keys: counter, generation, key set; ledger-seal.json is its second place",
      schema: ["agent/commands/ledger-seal.ts", "sealSchema"],
      deletedBy: "nobody",
    },
  ],
  sleep: [
    {
      key: "wakes",
      holds: "who woke the vehicle today, and how often",
      schema: ["agent/vehicle/sleep/sleep-memory.ts", "keptWakes"],
      deletedBy: "nobody; another day replaces it",
    },
    {
      key: "parking",
      holds: "for how long the vehicle has stood, what that has cost, and what the voltage asks for",
      schema: ["agent/vehicle/sleep/sleep-memory.ts", "keptParking"],
      deletedBy: "nobody",
    },
  ],
  defender: [
    {
      key: "report",
      holds: "id of the newest report to Device Defender, and when it was made",
      schema: ["agent/metrics/defender/report-memory.ts", "keptReport"],
      deletedBy: "nobody; the next report replaces it",
    },
  ],
  security: [
    {
      key: "run",
      holds: "the boot in which the agent was started last, and whether it ended in order",
      schema: ["agent/telemetry/security-memory.ts", "keptRun"],
      deletedBy: "nobody; the next start replaces it",
    },
    {
      key: "files",
      holds: "the configuration's files at the last start, with their digests",
      schema: ["agent/telemetry/security-memory.ts", "keptFiles"],
      deletedBy: "nobody; the next start replaces it",
    },
  ],
  shadows: [
    {
      key: "config",
      holds: "digest and end of the settings that the shadow desired last, so that they are tried once",
      schema: ["agent/shadows/settings-memory.ts", "keptSettings"],
      deletedBy: "nobody; the next settings replace it",
    },
  ],
  "state-templates": [
    {
      key: "TEMPLATE",
      holds:
        "a state template that a command has activated, and how long for: its time left, and its end by the wall clock",
      schema: ["agent/commands/state-templates.ts", "activation"],
      deletedBy: "StateTemplates: when it is deactivated, its time is over, or it is there no more",
    },
  ],
  "trouble-codes": [
    {
      key: "code/BUS/PROTOCOL/ECU/CODE",
      holds: "a trouble code as it was told last, with the lists of its control unit that it is in",
      schema: ["agent/diagnostics/codes/kept-code.ts", "keptCode"],
      through: "agent/diagnostics/codes/code-tracker.ts",
      deletedBy: "CodeTracker: when there are more than diagnostics.codes.maxCodes, those first that healed long ago",
    },
    {
      key: "lamps/BUS/PROTOCOL/ECU",
      holds: "which lamps of a control unit were told last",
      schema: ["agent/diagnostics/codes/kept-code.ts", "keptLamps"],
      through: "agent/diagnostics/codes/code-tracker.ts",
      deletedBy: "CodeTracker: when none of them is on",
    },
    {
      key: "number",
      holds: "number of the last event of a trouble code",
      schema: ["agent/telemetry/durable-records/numbered-events.ts", "lastNumber"],
      through: "agent/diagnostics/codes/code-events.ts",
      deletedBy: "nobody",
    },
  ],
  "trouble-code-event": [
    {
      key: "NUMBER",
      holds: "events of trouble codes that the outbox does not have yet",
      schema: ["agent/diagnostics/codes/kept-code.ts", "keptEvent"],
      through: "agent/diagnostics/codes/code-events.ts",
      deletedBy: "PendingEntries: what the outbox has, and the oldest beyond the bound",
    },
  ],
  "vehicle-events": [
    {
      key: "number",
      holds: "number of the last event of the vehicle",
      schema: ["agent/telemetry/durable-records/numbered-events.ts", "lastNumber"],
      through: "agent/vehicle/events/vehicle-events.ts",
      deletedBy: "nobody",
    },
  ],
  "vehicle-event": [
    {
      key: "NUMBER",
      holds: "changes of the vehicle's state, and begins and ends of trips, that the outbox does not have yet",
      schema: ["agent/vehicle/events/kept-event.ts", "keptEvent"],
      through: "agent/vehicle/events/vehicle-events.ts",
      deletedBy: "PendingEntries: what the outbox has, and the oldest beyond the bound",
    },
  ],
  place: [
    {
      key: "fence:NAME",
      holds: "which side of a fence the vehicle is on, and the fence as it was then",
      schema: ["agent/vehicle/fences/kept-place.ts", "keptFence"],
      deletedBy: "nobody",
    },
    {
      key: "privacy",
      holds: "whether somebody in the vehicle keeps its positions there",
      schema: ["agent/vehicle/fences/kept-place.ts", "keptPrivacy"],
      deletedBy: "nobody",
    },
    {
      key: "odometer",
      holds: "metres travelled by position",
      schema: ["agent/vehicle/fences/kept-place.ts", "keptOdometer"],
      deletedBy: "nobody",
    },
  ],
  "vehicle-state": [
    {
      key: "state",
      holds: "what the vehicle does, since when and why",
      schema: ["agent/vehicle/state/kept-state.ts", "keptState"],
      through: "agent/vehicle/state/state-book.ts",
      deletedBy: "nobody; the next state replaces it",
    },
    {
      key: "trip",
      holds: "number of the newest trip, and how far it has come while it is open",
      schema: ["agent/vehicle/state/kept-state.ts", "keptTrip"],
      through: "agent/vehicle/state/state-book.ts",
      deletedBy: "nobody; the next trip replaces it",
    },
    {
      key: "trips",
      holds: "the newest trips that have ended, for who asks in the vehicle",
      schema: ["agent/vehicle/state/kept-state.ts", "keptTrips"],
      through: "agent/vehicle/state/state-book.ts",
      deletedBy: "StateBook: the oldest beyond its bound",
    },
  ],
  uploads: [
    {
      key: "plan:UPLOAD",
      holds:
        "an upload that waits or is on its way: the file, the parts that the store has, and until it has all, URLs that let in whoever reads them",
      schema: ["agent/files/upload-book.ts", "numberedPlan"],
      deletedBy: "Uploader: when the store has the file and a record says so, or it is given up",
    },
    {
      key: "day",
      holds: "bytes of uploads that went out today",
      schema: ["agent/files/upload-book.ts", "sentDay"],
      deletedBy: "nobody; another day replaces it",
    },
  ],
  update: [
    {
      key: "current",
      holds: "the update that is under way or was last: request, step, starts and consent, as JSON text",
      schema: ["agent/updates/update-record.ts", "updateRecord"],
      deletedBy: "nobody; the next update replaces it",
    },
    {
      key: "root",
      holds: "the newest trust root, as the signed text; it has a second place beside the releases",
      schema: ["agent/updates/trust/root-store.ts", "parsedRoot"],
      deletedBy: "nobody",
    },
    {
      key: "rauc",
      holds: "the slot that ran, and the boot, before RAUC wrote the other one",
      schema: ["agent/updates/installers/rauc-installer.ts", "note"],
      deletedBy: "the installer: on commit and rollback",
    },
    {
      key: "phase-number",
      holds: "number of the last phase of an update that was reported",
      schema: ["agent/updates/update-reporter.ts", "lastNumber"],
      deletedBy: "nobody",
    },
  ],
  "update-phase": [
    {
      key: "NUMBER",
      holds: "phases of updates that the outbox does not have yet",
      schema: ["agent/updates/update-phase.ts", "pendingPhase"],
      through: "agent/updates/update-reporter.ts",
      deletedBy: "PendingEntries: what the outbox has, and the oldest beyond the bound",
    },
  ],
} as const satisfies Readonly<Record<string, readonly KeptDocument[]>>;

/** A name in the column `space`. */
export type JournalSpace = keyof typeof JOURNAL_SPACES;
