import { ActionRunner } from "../commands/action-runner.ts";
import { ActionSlots } from "../commands/action-slots.ts";
import { AuditTrail } from "../commands/audit.ts";
import { Authority } from "../commands/authority.ts";
import { CommandClock } from "../commands/command-clock.ts";
import { commandService } from "../commands/command-service.ts";
import { KeySet } from "../commands/key-set.ts";
import { CommandLedger } from "../commands/ledger.ts";
import { RejectionBudget } from "../commands/rejection-budget.ts";
import { Reporter } from "../commands/report.ts";
import { commandsSection } from "../support/sections.ts";
import {
  type ControlLine,
  catalogueActions,
  composeChannels,
  dispatchSettings,
  loadPolicy,
  openSeal,
} from "./compose-commands.ts";
import { ownActions, stateTemplatesOf } from "./own-actions.ts";
import type { ControlParts, Runtime } from "./parts.ts";
import { stateService } from "./services.ts";

/** Commands that may wait for their turn, and reads besides; further ones are refused as busy. */
const COMMAND_QUEUE = { maxRunning: 32, maxReading: 32 } as const;

/** The line from the channels of remote commands to their actions. Throws `config.invalid`. */
export async function composeControlLine(parts: ControlParts, runtime: Runtime): Promise<ControlLine> {
  const { commandsConfig, journal, line, link, support } = parts;
  const { bootId, clock, log, random } = runtime;
  const policy = await loadPolicy(parts, log);
  const seal = await openSeal(parts, runtime);
  const channels = composeChannels(parts, runtime);
  const audit = new AuditTrail(journal, line.records.audit, clock);
  const ledger = new CommandLedger(journal, audit, seal);
  const keys = new KeySet(policy.keys, journal, seal);
  const rejections = new RejectionBudget({
    perMinute: commandsConfig.audit.refusalsPerMinute,
    audit: (counts) => ledger.auditRejections(counts),
    onRejected: parts.beside.security?.onRejected,
    clock,
    log,
  });
  const catalogue = catalogueActions(parts);
  const states = stateTemplatesOf(parts, runtime);
  const ownByName = ownActions(parts, { keys, states }, runtime).map((action) => [action.name, action] as const);
  const reporter = new Reporter({ ledger, channelOf: channels.channelOf, broker: link.broker, clock, log, random });
  const waitMs = commandsConfig.clockWaitSeconds * 1000;
  const dispatchParts = {
    settings: dispatchSettings(parts, bootId),
    actions: new Map([...catalogue, ...ownByName]),
    authority: new Authority(policy, keys, clock),
    ledger,
    rejections,
    reporter,
    runner: new ActionRunner({
      slots: new ActionSlots(commandsConfig),
      queue: new ActionSlots(COMMAND_QUEUE),
      reporter,
      clock,
      log,
    }),
    clock: new CommandClock({ slots: new ActionSlots(commandsConfig), reporter, clock, waitMs }),
  };
  support.include("commands", () => commandsSection(journal, (limit) => ledger.list(limit)));
  const services = [stateService(states, clock), commandService(dispatchParts, channels.open, log)];
  return { services, dispatchParts, audit, journal, seal, log };
}
