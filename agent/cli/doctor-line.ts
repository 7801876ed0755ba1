import type { LoadedConfig } from "../../config/load.ts";
import type { AgentConfig, BusConfig } from "../../config/schema.ts";
import { readCa } from "../../drivers/aws/identity/tls.ts";
import { inspectServer, openTcp, resolveHost } from "../../drivers/aws/link/probe.ts";
import { readInterface } from "../../drivers/can/can-interface.ts";
import { isOnHost } from "../../drivers/can/controller.ts";
import { type LinkDetails, linkOf, readLinks } from "../../drivers/can/link-details.ts";
import { isBelievable } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import { isDenied } from "../core/file-trouble.ts";
import { composeProxy } from "../daemon/compose-proxy.ts";
import { checkConfig } from "../daemon/configuration/check-config.ts";
import type { LoadedTable } from "../daemon/configuration/load-table.ts";
import { recentLogs } from "../local-api/logs-schema.ts";
import { type Status, statusVerb } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import { isAnswered } from "../support/bus-problems.ts";
import { outcomeOf, problemOf } from "../support/check.ts";
import { type BusSight, busSteps } from "../support/line/bus-steps.ts";
import { type AgentSight, agentStep, collectionStep, outboxSteps, ruleSight } from "../support/line/data-steps.ts";
import { type Conclusion, conclude, inOrder, type LineStep } from "../support/line/line-step.ts";
import { linkSteps, type NetworkStep } from "../support/line/link-steps.ts";
import { listenTo } from "./bus-listening.ts";
import type { CliContext } from "./context.ts";
import { type RunningAgent, runningAgent, unlessAway } from "./running-agent.ts";

/** How long the buses are listened to, all at once. */
export const LISTEN_MS = 1500;
/** One step to the broker gets no longer, however long an attempt of the agent may take. */
const STEP_MS = 4000;
/** A refused subscription that is older may have been granted since. */
const RECENT_MS = 3_600_000;

/** What came of a look along the line, from the bus to the acknowledgement. */
export type LineReport = { readonly steps: readonly LineStep[]; readonly conclusion: Conclusion };

/** The running agent's status and itself, or why there is none. */
type AgentFound = AgentSight & { readonly agent?: RunningAgent };

/** What is looked at: the configuration, the signal table that it gives or why it gives none, and the agent. */
export type LineParts = {
  readonly loaded: LoadedConfig;
  readonly table: LoadedTable | AgentError;
  readonly sight: AgentFound;
};

/** The running agent's status, or why there is none. Throws what is neither: whether it sends, who may not ask cannot tell. */
export async function agentSight(context: CliContext): Promise<AgentFound> {
  const agent = await runningAgent(context);
  const told = await unlessAway(agent.ask(statusVerb, {}));
  return told instanceof AgentError ? { fault: told } : { status: told.answer, agent };
}

/** Looks along the line. `checks` are those of the identity, which take their own time. */
export async function lookAlongLine(
  { loaded, table: found, sight }: LineParts,
  checks: Promise<readonly Check[]>,
  context: CliContext,
): Promise<LineReport> {
  const { config } = loaded;
  const status = "status" in sight ? sight.status : undefined;
  const links = config.buses.some(isOnHost) ? await readLinks() : [];
  const table = found instanceof AgentError ? found : found.table;
  const [buses, network, refusedFilters] = await Promise.all([
    Promise.all(config.buses.map((bus) => busSight(bus, { status, table, links }, context))),
    status?.link.state === "online" || status?.link.isPaused === true ? [] : networkSteps(config, context),
    refusedSubscriptions(sight.agent, context),
  ]);
  const rules = table instanceof AgentError ? table : ruleSight(config.collect.rules, table.signals);
  const { clock } = context;
  const link = { status, checks: await checks, network, refusedFilters };
  const steps = inOrder([
    ...busSteps(buses, status?.uptimeMs ?? 0),
    agentStep(sight, status === undefined ? await refusalOf(loaded, context) : undefined),
    collectionStep(status, rules),
    ...(status === undefined ? [] : outboxSteps(status)),
    ...linkSteps({ ...link, wallMs: clock.wallUs() / 1000, isClockSet: isBelievable(clock.quality()) }),
  ]);
  return { steps, conclusion: conclude(steps, status?.delivery.ackedAgoMs) };
}

/** Why the agent would not start with this configuration; undefined where it would, or where this user may not read all of it. */
async function refusalOf(loaded: LoadedConfig, { clock }: CliContext): Promise<AgentError | undefined> {
  const checked = await outcomeOf(() => checkConfig(loaded, clock));
  return checked instanceof AgentError && !isDenied(checked.cause) ? checked : undefined;
}

/** What is known beside the buses. */
type Known = {
  readonly status: Status | undefined;
  readonly table: SignalTable | AgentError;
  readonly links: readonly LinkDetails[];
};

async function busSight(config: BusConfig, { status, table, links }: Known, context: CliContext): Promise<BusSight> {
  const { name } = config;
  const told = status?.buses.find((bus) => bus.name === name);
  const messages = table instanceof AgentError ? undefined : table.bus(name);
  const link = interfaceOf(config, links);
  const isThere = link === undefined || link.state === "up";
  const heard = isThere ? await listenTo(config, messages, LISTEN_MS, context) : undefined;
  return {
    name,
    isAnswered: status !== undefined && isAnswered(name, status),
    ...(link === undefined ? {} : { interface: link }),
    ...(told === undefined ? {} : { told }),
    ...(heard === undefined ? {} : { heard }),
    ...(table instanceof AgentError ? { dbcFault: problemOf(table) } : {}),
  };
}

function interfaceOf(config: BusConfig, links: readonly LinkDetails[]): BusSight["interface"] {
  if (!isOnHost(config)) return undefined;
  const name = config.interface;
  const link = readInterface(name);
  const state = link === undefined ? "absent" : link === "not-can" ? "not-can" : link.up ? "up" : "down";
  return { name, state, controller: linkOf(config, links)?.controller };
}

/** DNS, TCP and TLS, or the proxy in the place of the first two, until one does not answer. */
async function networkSteps(config: AgentConfig, context: CliContext): Promise<readonly NetworkStep[]> {
  const { broker } = config;
  const proxy = composeProxy({ config, environment: context.environment })(broker.host);
  const timeoutMs = Math.min(broker.connectTimeoutMs, STEP_MS, context.options().timeoutMs);
  const endpoint = { host: broker.host, port: broker.port, timeoutMs };
  const looks: (readonly [NetworkStep["step"], () => Promise<string>])[] = [];
  if (proxy === undefined) {
    looks.push(["dns", async () => `${broker.host} is ${(await resolveHost(endpoint)).join(", ")}`]);
    looks.push([
      "tcp",
      async () => {
        await openTcp(endpoint);
        return `${broker.host}:${broker.port} answers`;
      },
    ]);
  } else {
    looks.push([
      "proxy",
      async () => {
        await proxy.check(endpoint, timeoutMs, context.signal);
        return `${proxy.host}:${proxy.port} leads to ${broker.host}:${broker.port}`;
      },
    ]);
  }
  looks.push([
    "tls",
    async () => {
      const { chain } = await inspectServer(endpoint, readCa(broker.caFile), proxy);
      return `the broker's certificate (${chain[0]?.subject ?? "none"}) is good`;
    },
  ]);
  const steps: NetworkStep[] = [];
  for (const [step, look] of looks) {
    const outcome = await outcomeOf(look);
    if (!(outcome instanceof AgentError)) {
      steps.push({ step, what: outcome });
      continue;
    }
    const { code, message, remedy } = outcome;
    return [...steps, { step, what: message, fault: { code, what: message, remedy } }];
  }
  return steps;
}

/** What the agent logged of subscriptions that the broker does not grant, of the last hour. */
async function refusedSubscriptions(agent: RunningAgent | undefined, context: CliContext): Promise<readonly string[]> {
  if (agent === undefined) return [];
  const sinceMs = Math.max(0, context.clock.wallUs() / 1000 - RECENT_MS);
  const asked = { event: "broker.subscription-refused", sinceMs };
  const lines = await outcomeOf(async () => (await agent.ask(recentLogs, asked)).answer.lines);
  if (lines instanceof AgentError) return [];
  const told = lines.map(({ facts: { filter = "", reason = "" } }) => {
    return `the broker refuses the subscription to ${filter}: ${reason}`;
  });
  return [...new Set(told)];
}
