import { randomUUID } from "node:crypto";
import { type Catalogue, catalogueSchema } from "../../config/catalogue.ts";
import { loadYamlFile } from "../../config/load.ts";
import { type Policy, policySchema } from "../../config/policy.ts";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import type { AgentConfig } from "../../config/schema.ts";
import type { TransmitId } from "../../drivers/can/transmit-filter.ts";
import { Requester } from "../cloud/requester.ts";
import type { Action } from "../commands/action.ts";
import type { TransmitBus } from "../commands/actions/actuate.ts";
import { buildCatalogue, type CatalogueFile, transmittedMessages } from "../commands/actions/catalogue.ts";
import { locate } from "../commands/actions/locate.ts";
import { AuditTrail } from "../commands/audit.ts";
import { Authority } from "../commands/authority.ts";
import { createCommandReader } from "../commands/channels/command-messages.ts";
import { AwsCommands } from "../commands/channels/commands.ts";
import { CompanionDoor } from "../commands/channels/companion.ts";
import { ProtobufDoor } from "../commands/channels/protobuf-door.ts";
import { commandService, type RequestDoor } from "../commands/command-service.ts";
import type { DispatchParts } from "../commands/dispatch.ts";
import { KeySet } from "../commands/key-set.ts";
import { CommandLedger } from "../commands/ledger.ts";
import type { LedgerSeal } from "../commands/ledger-seal.ts";
import { RefusalBudget } from "../commands/refusal-budget.ts";
import { type Door, Reporter } from "../commands/report.ts";
import type { ReplyAddress } from "../commands/request.ts";
import type { Clock } from "../core/clock.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Broker } from "../ports/broker.ts";
import { LatestSignals } from "../signals/latest-signals.ts";
import { findMessage } from "../signals/message-name.ts";
import type { TableSource } from "../signals/table-source.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { AuditEntry } from "../telemetry/record/encode-audit.ts";
import { ClockSteps } from "../vehicle/safety-gate.ts";
import { type OwnActionParts, ownActions } from "./compose-actions.ts";
import type { LoadedTable } from "./load-table.ts";
import type { BusLine } from "./services.ts";

/** Updates of executions that wait for the service's answer at a time, and the longest answer that is read. */
const REQUESTER_LIMITS = { timeoutMs: 5000, maxPending: 64, maxAnswerBytes: 131_072 } as const;

/** Whoever asks on a local socket waits for the answer itself. */
const LOCAL: Door = { progress: async () => undefined, tell: async () => "told" };

/** What remote commands are made of. */
export type CommandParts = OwnActionParts & {
  readonly policy: Policy;
  /** What vouches for the ledger and the keys. */
  readonly seal: LedgerSeal;
  readonly broker: Broker;
  readonly catalogue: CatalogueFile;
  readonly sources: readonly TableSource[];
  readonly lines: readonly BusLine[];
  readonly steps: ClockSteps;
  readonly audit: RecordSink<AuditEntry>;
  readonly bootId: string;
  readonly random: () => number;
};

/** Remote commands, wired: the doors, and the one line behind them. */
export type Commands = {
  readonly service: Service;
  readonly dispatchParts: DispatchParts;
  readonly audit: AuditTrail;
};

/** The part of the composition root that wires remote commands. */
export function composeCommands(parts: CommandParts): Commands {
  const { config, settings, policy, journal, seal, broker, bootId, clock, log, random } = parts;
  const { thingName: thing } = config;
  const audit = new AuditTrail(journal, parts.audit, clock);
  const ledger = new CommandLedger(journal, audit, seal);
  const refusals = new RefusalBudget({
    perMinute: settings.audit.refusalsPerMinute,
    audit: (counts) => ledger.auditRefusals(counts),
    clock,
    log,
  });
  const keys = new KeySet(policy.keys, journal, seal);
  const requester = new Requester({ broker, clock, log, limits: REQUESTER_LIMITS, token: randomUUID });
  const aws = new AwsCommands({ thing, broker, requester, log });
  const fill = (template: string): string => template.replaceAll("{thing}", thing);
  const { request, responsePrefix } = settings.companion;
  const companion = new CompanionDoor({
    filter: fill(request),
    responsePrefix: fill(responsePrefix),
    broker,
    log,
  });
  const protobuf = new ProtobufDoor({
    thing,
    prefix: settings.protobuf.prefix,
    names: parts.catalogue.value.protobuf,
    read: createCommandReader(readDescriptor("commands")),
    broker,
    requester,
    log,
  });
  const byName = { aws, companion, protobuf, local: LOCAL } as const;
  const doorOf = ({ door }: ReplyAddress): Door => byName[door];
  const reporter = new Reporter({ ledger, doorOf, broker, clock, log, random });
  const dispatchParts: DispatchParts = {
    settings: {
      ...settings,
      thing,
      bootId,
      maxLifeMs: settings.maxLifeSeconds * 1000,
      clockWaitMs: settings.clockWaitSeconds * 1000,
      readsOnly: readsOnly(parts),
    },
    actions: actionsOf(parts, keys),
    authority: new Authority(policy, keys, clock),
    ledger,
    refusals,
    reporter,
    running: new Map(),
    waiting: new Map(),
    clock,
    log,
  };
  const doors: readonly RequestDoor[] = [
    ...(settings.aws.enabled ? [aws] : []),
    ...(settings.protobuf.enabled ? [protobuf] : []),
    ...(settings.companion.enabled ? [companion] : []),
  ];
  return { service: commandService(dispatchParts, doors), dispatchParts, audit };
}

/** The files that cannot be used may have taken a right away that their copy still gives. */
function readsOnly({ loaded }: CommandParts): string | undefined {
  return loaded.copy === undefined
    ? undefined
    : "the configuration cannot be used; nothing that acts is taken until it is mended";
}

/** The arbitration ids that the catalogue may send on `bus`. */
export function transmitIds(catalogue: Catalogue, sources: readonly TableSource[], bus: string): readonly TransmitId[] {
  const found = transmittedMessages(catalogue, bus).map((name) => findMessage(sources, bus, name));
  return found.flatMap((one) =>
    one.kind === "message" ? [{ id: one.message.id, extended: one.message.extended }] : [],
  );
}

/** The actions that write to a bus; none without a catalogue. Throws `config.invalid`. */
export async function loadCatalogue({ commands }: AgentConfig): Promise<CatalogueFile> {
  if (commands?.catalogueFile !== undefined) return await loadYamlFile(commands.catalogueFile, catalogueSchema);
  return { value: catalogueSchema.parse({ schemaVersion: 1, actions: [] }), locate: () => "no catalogue" };
}

/** Checks what `config` names for remote commands as the agent will at its start, and gives how many actions it lists. Throws `config.invalid`. */
export async function checkCommandFiles(
  config: AgentConfig,
  { table, sources }: LoadedTable,
  clock: Clock,
): Promise<number> {
  if (config.commands === undefined) return 0;
  await loadYamlFile(config.commands.policyFile, policySchema);
  const state = () => ({ state: "absent", detail: "" }) as const;
  const bus: TransmitBus = { send: async () => undefined, state };
  const signals = new LatestSignals(table, { latestOf: () => undefined });
  if (config.commands.locate !== undefined) locate(config.commands.locate, signals, clock);
  const written = buildCatalogue(await loadCatalogue(config), {
    signals,
    steps: new ClockSteps(clock),
    clock,
    busOf: (name) => (config.buses.some((known) => known.name === name) ? bus : undefined),
    messageOf: (name, message) => findMessage(sources, name, message),
  });
  return written.size;
}

function actionsOf(parts: CommandParts, keys: KeySet): ReadonlyMap<string, Action> {
  const { catalogue, sources, lines } = parts;
  const written = buildCatalogue(catalogue, {
    ...parts,
    busOf: (name) => {
      const line = lines.find(({ bus }) => bus.name === name);
      return line === undefined ? undefined : { send: (frame) => line.bus.send(frame), state: () => line };
    },
    messageOf: (bus, name) => findMessage(sources, bus, name),
  });
  return new Map([...written, ...ownActions(parts, keys).map((action) => [action.name, action] as const)]);
}
