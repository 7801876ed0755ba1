import { randomUUID } from "node:crypto";
import { type Catalogue, catalogueSchema } from "../../config/catalogue.ts";
import { loadYamlFile } from "../../config/load.ts";
import { type Policy, policySchema } from "../../config/policy.ts";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import type { AgentConfig } from "../../config/schema.ts";
import type { TransmitId } from "../../drivers/can/transmit-filter.ts";
import { RequestClient } from "../cloud/request-client.ts";
import type { Action } from "../commands/action.ts";
import type { TransmitBus } from "../commands/actions/actuate.ts";
import { buildCatalogue, type CatalogueFile, transmittedMessages } from "../commands/actions/catalogue.ts";
import { locate } from "../commands/actions/locate.ts";
import { AuditTrail } from "../commands/audit.ts";
import { Authority } from "../commands/authority.ts";
import { AwsChannel } from "../commands/channels/aws-channel.ts";
import { createCommandReader } from "../commands/channels/command-messages.ts";
import { CompanionChannel } from "../commands/channels/companion-channel.ts";
import { ProtobufChannel } from "../commands/channels/protobuf-channel.ts";
import { type CommandChannel, commandService } from "../commands/command-service.ts";
import type { DispatchParts } from "../commands/dispatch.ts";
import { KeySet } from "../commands/key-set.ts";
import { CommandLedger } from "../commands/ledger.ts";
import type { LedgerSeal } from "../commands/ledger-seal.ts";
import { RejectionBudget } from "../commands/rejection-budget.ts";
import { type ReplyChannel, Reporter } from "../commands/report.ts";
import type { ReplyAddress } from "../commands/request.ts";
import type { Clock } from "../core/clock.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Broker } from "../ports/broker.ts";
import { LatestSignals } from "../signals/latest-signals.ts";
import { findMessage } from "../signals/message-name.ts";
import type { TableSource } from "../signals/table-source.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { AuditEntry } from "../telemetry/record/encode/audit.ts";
import { ClockSteps } from "../vehicle/safety-gate.ts";
import { type OwnActionParts, ownActions } from "./compose-actions.ts";
import type { LoadedTable } from "./load-table.ts";
import type { ObservedBus } from "./services.ts";

/** Updates of executions that wait for the service's answer at a time, and the longest answer that is read. */
const REQUEST_CLIENT_LIMITS = { timeoutMs: 5000, maxPending: 64, maxAnswerBytes: 131_072 } as const;

/** Whoever asks on a local socket waits for the answer itself. */
const LOCAL_CHANNEL: ReplyChannel = { progress: async () => undefined, report: async () => "told" };

/** What remote commands are made of. */
export type CommandParts = OwnActionParts & {
  readonly policy: Policy;
  /** What vouches for the ledger and the keys. */
  readonly seal: LedgerSeal;
  readonly broker: Broker;
  readonly catalogue: CatalogueFile;
  readonly sources: readonly TableSource[];
  readonly lines: readonly ObservedBus[];
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
  const { config, commandsConfig, policy, journal, seal, broker, bootId, clock, log, random } = parts;
  const { thingName: thing } = config;
  const audit = new AuditTrail(journal, parts.audit, clock);
  const ledger = new CommandLedger(journal, audit, seal);
  const rejections = new RejectionBudget({
    perMinute: commandsConfig.audit.refusalsPerMinute,
    audit: (counts) => ledger.auditRejections(counts),
    clock,
    log,
  });
  const keys = new KeySet(policy.keys, journal, seal);
  const requestClient = new RequestClient({ broker, clock, log, limits: REQUEST_CLIENT_LIMITS, token: randomUUID });
  const aws = new AwsChannel({ thing, broker, requestClient, log });
  const fill = (template: string): string => template.replaceAll("{thing}", thing);
  const { request, responsePrefix } = commandsConfig.companion;
  const companion = new CompanionChannel({
    filter: fill(request),
    responsePrefix: fill(responsePrefix),
    broker,
    log,
  });
  const protobuf = new ProtobufChannel({
    thing,
    prefix: commandsConfig.protobuf.prefix,
    names: parts.catalogue.value.protobuf,
    read: createCommandReader(readDescriptor("commands")),
    broker,
    requestClient,
    log,
  });
  const byName = { aws, companion, protobuf, local: LOCAL_CHANNEL } as const;
  const channelOf = ({ door }: ReplyAddress): ReplyChannel => byName[door];
  const reporter = new Reporter({ ledger, channelOf, broker, clock, log, random });
  const dispatchParts: DispatchParts = {
    settings: {
      ...commandsConfig,
      thing,
      bootId,
      maxLifeMs: commandsConfig.maxLifeSeconds * 1000,
      clockWaitMs: commandsConfig.clockWaitSeconds * 1000,
      readsOnly: readsOnly(parts),
    },
    actions: actionsOf(parts, keys),
    authority: new Authority(policy, keys, clock),
    ledger,
    rejections,
    reporter,
    running: new Map(),
    waiting: new Map(),
    clock,
    log,
  };
  const channels: readonly CommandChannel[] = [
    ...(commandsConfig.aws.enabled ? [aws] : []),
    ...(commandsConfig.protobuf.enabled ? [protobuf] : []),
    ...(commandsConfig.companion.enabled ? [companion] : []),
  ];
  return { service: commandService(dispatchParts, channels), dispatchParts, audit };
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
