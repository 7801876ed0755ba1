import { AgentError } from "../../core/errors.ts";
import { codeEvents } from "../../diagnostics/codes/code-events.ts";
import { CodeReaders } from "../../diagnostics/codes/code-readers.ts";
import { CodeTracker } from "../../diagnostics/codes/code-tracker.ts";
import { ALL_GROUPS } from "../../diagnostics/ecu-acts.ts";
import { nodeName } from "../../diagnostics/j1939/code-listener.ts";
import { MessageLine, type NodeMessage } from "../../diagnostics/j1939/message-line.ts";
import { ACTIVE_CODES, parseCodeMessage } from "../../diagnostics/j1939/trouble-codes.ts";
import { CodePolls } from "../../diagnostics/obd/code-polls.ts";
import type { ObdClient } from "../../diagnostics/obd/obd-client.ts";
import { ObdValues } from "../../diagnostics/obd/obd-values.ts";
import { outcomeText } from "../../diagnostics/obd/outcome-text.ts";
import { failureText } from "../../diagnostics/uds/outcome.ts";
import { readCodes } from "../../diagnostics/uds/poll-codes.ts";
import { codesHandlers } from "../../local-api/codes-handlers.ts";
import { servedOn } from "../../local-api/verb.ts";
import { memoryJournal } from "../../telemetry/durable-records/memory-journal.ts";
import type { CliContext } from "../context.ts";
import { stderrLog } from "../open-bus.ts";
import type { RunningAgent } from "../running-agent.ts";
import { meetEcus } from "./obd-session.ts";
import { type OpenTester, openTester } from "./open-tester.ts";
import { clientOf, listEcus } from "./uds-target.ts";

/** Nodes of J1939 send their active codes each second. */
const LISTEN_MS = 3000;

/** Who answers the verbs of trouble codes. */
export type CodesAgent = Pick<RunningAgent, "ask">;

/** The control units of one bus, as they are met now, and what they tell. */
type LocalCodes = { readonly tracker: CodeTracker; readonly readers: CodeReaders };

/**
 * Opens a bus, meets those who answer OBD-II, the control units of the catalogue that are on it, and the nodes that send active codes of
 * J1939, and closes it after `act`, which asks them as it would ask the agent. Throws what `openTester` throws.
 */
export async function withLocalCodes(
  context: CliContext,
  bus: string,
  act: (agent: CodesAgent) => Promise<void>,
): Promise<void> {
  const opened = await openTester(context, bus);
  try {
    const codes = { tracker: emptyTracker(context), readers: new CodeReaders() };
    const untilMs = context.clock.monotonicMs() + LISTEN_MS;
    const stop = listenForActive(opened, codes.tracker);
    for (const client of await obdClients(opened, context)) addObd(client, opened.tester.bus, codes, context);
    await addUds(opened, codes, context);
    const restMs = untilMs - context.clock.monotonicMs();
    if (opened.tap !== undefined && restMs > 0) await context.clock.sleep(restMs, context.signal);
    stop();
    await act(agentOf(codes, context));
  } finally {
    await opened.close();
  }
}

/** Answers as the agent does, by the same handlers. What may be cleared is the tester's to say. */
function agentOf(codes: LocalCodes, context: CliContext): CodesAgent {
  const log = stderrLog(context);
  const handlers = servedOn("admin", codesHandlers({ ...codes, mayClear: () => true, log }));
  return {
    ask: async ({ name, answer }, request) => {
      const raw = await handlers[name]?.({ verb: name, ...request }, context.signal);
      return { answer: answer.parse(raw), raw };
    },
  };
}

function emptyTracker(context: CliContext): CodeTracker {
  const journal = memoryJournal();
  const sink = { handOver: () => undefined, hasRoom: () => true, isStored: () => true };
  return new CodeTracker({
    settings: { appearSeconds: 0, healSeconds: 1, maxCodes: 100_000, maxEventsPerHour: 100_000 },
    journal,
    events: codeEvents({ journal, sink, storedNumber: undefined }),
    odometerKm: () => undefined,
    clock: context.clock,
    log: stderrLog(context),
  });
}

/** Where the running agent has the bus, its own `dtc list` has these. */
function listenForActive({ tap, tester }: OpenTester, tracker: CodeTracker): () => void {
  if (tap === undefined) return () => undefined;
  const take = ({ source, data, receivedAtUs }: NodeMessage): void => {
    const message = parseCodeMessage(data);
    if (message === undefined) return;
    const origin = { bus: tester.bus, ecu: nodeName(source), protocol: "j1939" } as const;
    tracker.take([{ origin, list: "active", ...message, timeUs: receivedAtUs }]);
  };
  return new MessageLine(tap).on([ACTIVE_CODES], take);
}

/** None where nobody answers. */
async function obdClients({ tester }: OpenTester, context: CliContext): Promise<readonly ObdClient[]> {
  try {
    const { clients } = await meetEcus(tester, { addressing: "auto", configured: [] }, context.signal);
    return clients;
  } catch (thrown) {
    if (thrown instanceof AgentError && thrown.code === "ecu.silent") return [];
    throw thrown;
  }
}

function addObd(client: ObdClient, bus: string, { tracker, readers }: LocalCodes, { clock }: CliContext): void {
  const polls = new CodePolls({
    bus,
    client,
    codes: tracker,
    values: new ObdValues(bus, { messages: [] }, { takePdu: () => undefined }),
    settings: { everyMs: 1, freezeFrames: true },
    clock,
  });
  readers.add({
    origin: { bus, ecu: client.ecu.name, protocol: "obd" },
    read: (signal) => polls.read(signal),
    clear: async (signal) => {
      const outcome = await client.clearCodes(signal);
      return outcome.kind === "done" ? undefined : outcomeText(outcome);
    },
  });
}

async function addUds({ tester }: OpenTester, { tracker, readers }: LocalCodes, context: CliContext): Promise<void> {
  const { clock } = context;
  for (const { ecu, bus } of await catalogueEcus(context)) {
    if (bus !== tester.bus) continue;
    const client = clientOf(context, tester, ecu);
    readers.add({
      origin: { bus, ecu: ecu.name, protocol: "uds" },
      read: async (signal) => {
        const reading = await readCodes({ client, bus, codes: tracker, snapshots: true, clock }, signal);
        if (!("codes" in reading)) return failureText(reading);
        tracker.take([reading]);
        return undefined;
      },
      clear: async (signal) => {
        const outcome = await client.clearCodes(ALL_GROUPS, () => undefined, signal);
        return outcome.kind === "done" ? undefined : failureText(outcome);
      },
    });
  }
}

/** None where the configuration has no catalogue. */
async function catalogueEcus(context: CliContext): ReturnType<typeof listEcus> {
  try {
    return await listEcus(context, {});
  } catch (thrown) {
    if (thrown instanceof AgentError && thrown.code === "input.missing") return [];
    throw thrown;
  }
}
