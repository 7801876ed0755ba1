import { randomUUID } from "node:crypto";
import { loadYamlFile } from "../../config/load.ts";
import { type Policy, policySchema } from "../../config/policy.ts";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import { createRollbackIndexFile } from "../../drivers/os/versions/update-files.ts";
import { RequestClient } from "../cloud/request-client.ts";
import type { Action } from "../commands/action.ts";
import { buildCatalogue } from "../commands/actions/catalogue.ts";
import type { AuditTrail } from "../commands/audit.ts";
import { AwsChannel } from "../commands/channels/aws-channel.ts";
import { createCommandReader } from "../commands/channels/command-messages.ts";
import { CompanionChannel } from "../commands/channels/companion-channel.ts";
import { ProtobufChannel } from "../commands/channels/protobuf-channel.ts";
import { SovdChannel } from "../commands/channels/sovd-channel.ts";
import type { SovdNames } from "../commands/channels/sovd-request.ts";
import type { CommandChannel } from "../commands/command-service.ts";
import type { DispatchParts, DispatchSettings } from "../commands/dispatch.ts";
import { LedgerSeal } from "../commands/ledger-seal.ts";
import type { ReplyChannel } from "../commands/report.ts";
import type { ReplyAddress } from "../commands/request.ts";
import { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import type { Journal } from "../ports/journal.ts";
import { findMessage } from "../signals/message-name.ts";
import { monotonicCounter } from "./compose-keys.ts";
import type { ControlParts, Runtime } from "./parts.ts";

/** Updates of executions that wait for the service's answer at a time, and the longest answer that is read. */
const REQUEST_CLIENT_LIMITS = { timeoutMs: 5000, maxPending: 64, maxAnswerBytes: 131_072 } as const;

/** Whoever asks on a local socket waits for the answer itself. */
const LOCAL_CHANNEL: ReplyChannel = { progress: async () => undefined, report: async () => "reported" };

/** Remote commands, wired: the channels, and the one line behind them. */
export type ControlLine = {
  /** Start before the first connection. */
  readonly services: readonly Service[];
  readonly dispatchParts: DispatchParts;
  readonly audit: AuditTrail;
  readonly journal: Journal;
  readonly seal: LedgerSeal;
  readonly log: Log;
};

/** The ways by which commands come: those that are open, and by which of them an answer goes. */
export type CommandChannels = {
  readonly open: readonly CommandChannel[];
  readonly channelOf: (reply: ReplyAddress) => ReplyChannel;
};

/** The channels that the configuration enables; an answer still goes by one that is not open any more. */
export function composeChannels(parts: ControlParts, { clock, log }: Runtime): CommandChannels {
  const { loaded, commandsConfig, catalogue, link, beside } = parts;
  const { broker } = link;
  const { thingName: thing } = loaded.config;
  const requestClient = new RequestClient({ broker, clock, log, limits: REQUEST_CLIENT_LIMITS, token: randomUUID });
  const fill = (template: string): string => template.replaceAll("{thing}", thing);
  const { request, responsePrefix } = commandsConfig.companion;
  const aws = new AwsChannel({ thing, broker, requestClient, log });
  const companion = new CompanionChannel({
    filter: fill(request),
    responsePrefix: fill(responsePrefix),
    broker,
    log,
  });
  const protobuf = new ProtobufChannel({
    thing,
    prefix: commandsConfig.protobuf.prefix,
    names: catalogue.value.protobuf,
    isOtherState: (template) => beside.fleetwise?.states.has(template) === true,
    read: createCommandReader(readDescriptor("commands")),
    broker,
    requestClient,
    log,
  });
  const { prefix, level, maxAnswerBytes, thing: sovdThing = thing } = commandsConfig.sovd;
  const sovd = new SovdChannel({
    base: `${prefix}/things/${sovdThing}/executions`,
    level,
    maxAnswerBytes,
    maxRequestBytes: commandsConfig.maxRequestBytes,
    names: sovdNames(parts),
    broker,
    clock,
    log,
  });
  const byName = { aws, companion, protobuf, sovd, local: LOCAL_CHANNEL } as const;
  return {
    open: [
      ...(commandsConfig.aws.enabled ? [aws] : []),
      ...(commandsConfig.protobuf.enabled ? [protobuf] : []),
      ...(commandsConfig.companion.enabled ? [companion] : []),
      ...(commandsConfig.sovd.enabled ? [sovd] : []),
    ],
    channelOf: ({ channel }) => byName[channel],
  };
}

/** What requests of SOVD may reach: the routines of the catalogue, and its first entry that clears codes. */
function sovdNames({ commandsConfig, catalogue }: ControlParts): SovdNames {
  const { actions } = catalogue.value;
  const routines = actions.flatMap(({ kind, name }) => (kind === "routine" ? [name] : []));
  const clear = actions.find(({ kind }) => kind === "clear-codes")?.name;
  const { components, timeoutSeconds } = commandsConfig.sovd;
  return { components, routines: new Set(routines), clear, timeoutMs: timeoutSeconds * 1000 };
}

/** What vouches for the ledger: a second file, and the TPM where it is asked to. */
export function openSeal({ loaded, journal }: ControlParts, { environment, log }: Runtime): Promise<LedgerSeal> {
  const { config } = loaded;
  const index = config.commands?.rollbackCounter?.index;
  return LedgerSeal.open({
    journal,
    copy: createRollbackIndexFile(config.stateDir, "ledger-seal.json"),
    counter: index === undefined ? undefined : monotonicCounter(config, environment, index),
    newId: randomUUID,
    log,
  });
}

/** Who may ask for what. Where the configuration cannot be used, a policy that cannot either lets nobody ask for anything. */
export async function loadPolicy({ loaded, commandsConfig }: ControlParts, log: Log): Promise<Policy> {
  const file = commandsConfig.policyFile;
  try {
    return (await loadYamlFile(file, policySchema)).value;
  } catch (thrown) {
    if (loaded.copy === undefined || !(thrown instanceof AgentError)) throw thrown;
    log.error("command.policy-unusable", { file, what: thrown.message });
    return policySchema.parse({ schemaVersion: 1, allow: [] });
  }
}

/** What every command meets on its way. */
export function dispatchSettings({ loaded, commandsConfig }: ControlParts, bootId: string): DispatchSettings {
  const { maxRequestBytes, maxSkewMs, maxLifeSeconds } = commandsConfig;
  const maxLifeMs = maxLifeSeconds * 1000;
  return {
    thing: loaded.config.thingName,
    bootId,
    maxRequestBytes,
    maxLifeMs,
    maxSkewMs,
    readsOnly: readsOnly(loaded),
  };
}

/** The files that cannot be used may have taken a right away that their copy still gives. */
function readsOnly(loaded: ControlParts["loaded"]): string | undefined {
  return loaded.copy === undefined
    ? undefined
    : "the configuration cannot be used; nothing that acts is taken until it is mended";
}

/** The actions of the catalogue. Throws `config.invalid`. */
export function catalogueActions({ loaded, catalogue, line, beside }: ControlParts): ReadonlyMap<string, Action> {
  return buildCatalogue(catalogue, {
    ...line.vehicle,
    ecus: beside.diagnostics?.ecus,
    programs: beside.programs?.commands,
    busOf: (name) => {
      const found = line.buses.find(({ bus }) => bus.name === name);
      if (found === undefined) return undefined;
      const refusal = (): string | undefined => beside.sleep?.mayTransmit(name, true);
      return { send: (frame) => found.bus.send(frame), state: () => found, refusal };
    },
    messageOf: (bus, name) => findMessage(loaded.checkedTable.sources, bus, name),
  });
}
