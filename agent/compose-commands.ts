import { randomUUID } from "node:crypto";
import type { Policy } from "../config/policy.ts";
import type { AgentConfig } from "../config/schema.ts";
import type { Action } from "./control/action.ts";
import { lastSignals, readSignals } from "./control/actions/read-signals.ts";
import { Authority } from "./control/authority.ts";
import { commandService, type RequestDoor } from "./control/command-service.ts";
import { AwsCommands } from "./control/commands.ts";
import type { DispatchParts } from "./control/dispatch.ts";
import { KeySet } from "./control/key-set.ts";
import { CommandLedger } from "./control/ledger.ts";
import { Reporter } from "./control/report.ts";
import { Requester } from "./control/requester.ts";
import type { Clock } from "./core/clock.ts";
import type { Service } from "./core/lifecycle.ts";
import type { Log } from "./core/log.ts";
import type { LatestSignals } from "./data/latest-signals.ts";
import type { Broker, Journal } from "./ports.ts";

/** Updates of executions that wait for the service's answer at a time, and the longest answer that is read. */
const REQUESTER_LIMITS = { timeoutMs: 5000, maxPending: 64, maxAnswerBytes: 131_072 } as const;

/** What remote commands are made of. */
export type CommandParts = {
  readonly config: AgentConfig;
  readonly settings: NonNullable<AgentConfig["commands"]>;
  readonly policy: Policy;
  readonly journal: Journal;
  readonly broker: Broker;
  readonly signals: LatestSignals;
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/** Remote commands, wired: the doors, and the one line behind them. */
export type Commands = { readonly service: Service; readonly dispatchParts: DispatchParts };

/** The part of the composition root that wires remote commands. */
export function composeCommands(parts: CommandParts): Commands {
  const { config, settings, policy, journal, broker, bootId, clock, log, random } = parts;
  const { thingName: thing } = config;
  const ledger = new CommandLedger(journal);
  const requester = new Requester({ broker, clock, log, limits: REQUESTER_LIMITS, token: randomUUID });
  const aws = new AwsCommands({ thing, broker, requester, log });
  const reporter = new Reporter({ ledger, doorOf: () => aws, broker, clock, log, random });
  const dispatchParts: DispatchParts = {
    settings: { ...settings, thing, bootId, maxLifeMs: settings.maxLifeSeconds * 1000 },
    actions: actionsOf(parts),
    authority: new Authority(policy, new KeySet(policy.keys, journal), clock),
    ledger,
    reporter,
    running: new Set(),
    clock,
    log,
  };
  const doors: readonly RequestDoor[] = settings.aws.enabled ? [aws] : [];
  return { service: commandService(dispatchParts, doors, log), dispatchParts };
}

function actionsOf(parts: CommandParts): ReadonlyMap<string, Action> {
  const actions = [lastSignals(parts), readSignals(parts)];
  return new Map(actions.map((action) => [action.name, action]));
}
