import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultSwitch } from "../../../agent/ui/fault-switch.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { readStatus } from "../agent/agent-client.ts";
import { AgentCounters, type AgentStatus } from "../agent/agent-counters.ts";
import { viewSocketOf } from "../agent/agent-supervisor.ts";
import type { CampaignVerdict } from "../consumers/campaigns/campaign-verdict.ts";
import type { Gaps } from "../consumers/delivery-account.ts";
import { type OutboxContent, readOutbox } from "../consumers/outbox-reader.ts";
import { START_TIMEOUT_MS } from "../core/wait.ts";
import type { BenchOptions } from "./bench-options.ts";
import { type BenchParts, type Stops, startParts } from "./bench-parts.ts";
import type { BenchState } from "./bench-state.ts";
import { type BenchSummary, summarise } from "./bench-summary.ts";
import type { BenchTick } from "./bench-view.ts";

const POLL_MS = 100;
const TICK_MS = 1000;
/** From "start" to the first frame, for the command to reach everybody. */
const LEAD_MS = 300;
/** Longest time without any progress while the backlog drains. */
const STALL_MS = 30_000;
/** How long the outbox must be empty: longer than samples wait for their batch (collect.batchMs). */
const SETTLED_MS = 1500;
const AGENT_STOP_MS = 20_000;
const LAST_RECORDS_MS = 10_000;

/** What a run needs besides its options. */
export type BenchRun = {
  readonly options: BenchOptions;
  readonly state: BenchState;
  /** Called each second. */
  readonly onTick: (tick: BenchTick) => void;
  /** Called when something begins or ends, in words. */
  readonly onEvent: (what: string) => void;
  /** Where there are fault switches: shows them to somebody once the agent is online, and gives what ends that. */
  readonly showSwitches?: (switches: readonly FaultSwitch[]) => Promise<ShownSwitches>;
};

/** Where fault switches can be seen. */
export type ShownSwitches = { readonly url: string; readonly stop: () => Promise<void> };

type Drive = {
  readonly run: BenchRun;
  readonly parts: BenchParts;
  readonly counters: AgentCounters;
  readonly remarks: string[];
  status: AgentStatus | undefined;
  phase: string;
  elapsedS: number;
  page: string | undefined;
};

/** Runs the main job until its time is over or `signal` aborts, lets everything drain, stops all parts, and gives the result. Rejects when a part cannot be started. */
export async function runBench(run: BenchRun, signal: AbortSignal): Promise<BenchSummary> {
  const stops: Stops = [];
  run.onEvent("starting certificate authority, broker, TPM, bus, consumers and vehicle");
  try {
    const parts = await startParts(run.options, run.state, stops, run.onEvent);
    stops.push(async () => void (await parts.agent.stop(AGENT_STOP_MS)));
    const drive: Drive = {
      run,
      parts,
      counters: new AgentCounters(),
      remarks: [],
      status: undefined,
      phase: "",
      elapsedS: 0,
      page: undefined,
    };
    return await measure(drive, stops, signal);
  } finally {
    for (const stop of stops.toReversed()) await stop().catch((error: unknown) => run.onEvent(String(error)));
  }
}

async function measure(drive: Drive, stops: Stops, signal: AbortSignal): Promise<BenchSummary> {
  const { parts, run } = drive;
  run.onEvent("starting the agent");
  parts.agent.start();
  await untilOnline(drive, signal);
  run.onEvent(`bus: ${parts.bus.label}; the agent is online`);
  if (parts.faults !== undefined && run.showSwitches !== undefined) {
    const { url, stop } = await run.showSwitches(parts.faults.list);
    stops.push(stop);
    drive.page = url;
    run.onEvent(`the page: ${url}`);
  }
  const startUs = (Date.now() + LEAD_MS) * 1000;
  parts.consumers.begin(startUs, parts.faults === undefined ? undefined : distanceUs());
  parts.campaigns?.begin(startUs);
  parts.sender.begin(startUs);
  const cpuBeforeUs = parts.agent.cpuUs();
  const writtenBefore = parts.agent.writtenBytes;
  const beganMs = performance.now() + LEAD_MS;
  await driveOn(drive, signal, beganMs);
  await parts.faults?.mend();
  await parts.sender.stop();
  const driveSeconds = (performance.now() - beganMs) / 1000;
  const cpuUs = parts.agent.cpuUs() - cpuBeforeUs;
  const writtenBytes = parts.agent.writtenBytes - writtenBefore;
  await parts.proxy.tell({ kind: "restore" });
  const stoppedMs = performance.now();
  const outbox = await drain(drive, beganMs);
  const gaps = parts.consumers.account.gaps(outbox.lastSeqs);
  const campaigns = await judgeCampaigns(drive, gaps);
  const sink = await parts.sink?.content();
  return summarise({
    parts,
    campaigns,
    sink,
    agent: parts.agent,
    counters: drive.counters,
    gaps,
    recordsStored: outbox.lastSeqs.reduce((sum, { lastSeq }) => sum + lastSeq, 0),
    pending: outbox.records,
    cpuUs,
    writtenBytes,
    driveSeconds,
    drainSeconds: (performance.now() - stoppedMs) / 1000,
    remarks: drive.remarks,
  });
}

/** When the vehicle is in the dark about a part of the drive, nothing of its campaigns can be told for sure. */
async function judgeCampaigns(drive: Drive, gaps: Gaps): Promise<readonly CampaignVerdict[]> {
  const { parts, counters, run } = drive;
  if (parts.campaigns === undefined) return [];
  run.onEvent("judging campaigns");
  if (parts.faults?.used.has("clock") === true) {
    drive.remarks.push("campaigns are not judged: the clock was moved");
    return [];
  }
  const dropped = counters.totals().framesDropped + parts.bus.dropped() + parts.bus.unheard();
  const reasons = [
    parts.agent.starts > 1 ? "the agent was started again on the way" : undefined,
    gaps.reportedLost + gaps.thinned > 0 ? "records were lost or thinned, and it was reported" : undefined,
    dropped > 0 ? `${dropped} frames were dropped` : undefined,
  ];
  return await parts.campaigns.judge(reasons.find((reason) => reason !== undefined));
}

/** Wall time less boottime of this machine, µs. */
function distanceUs(): number {
  const clock = systemClock();
  return clock.wallUs() - clock.boottimeMs() * 1000;
}

async function untilOnline(drive: Drive, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + START_TIMEOUT_MS;
  while (drive.status?.link.state !== "online") {
    if (signal.aborted) throw new Error("interrupted while starting");
    if (drive.parts.agent.failure !== undefined) throw new Error(drive.parts.agent.failure);
    if (performance.now() > endMs) {
      const why = drive.status?.link.fault?.what ?? "it does not answer";
      throw new Error(
        `the agent is not online after ${START_TIMEOUT_MS / 1000} s: ${why}; see ${drive.run.state.logs}/agent.log`,
      );
    }
    await sleep(POLL_MS);
    await poll(drive);
  }
}

async function driveOn(drive: Drive, signal: AbortSignal, beganMs: number): Promise<void> {
  const { options } = drive.run;
  const endS = options.seconds ?? Number.POSITIVE_INFINITY;
  const plan = planOf(options);
  let nextTickMs = 0;
  while (!signal.aborted && drive.elapsedS < endS && !drive.parts.sender.hasFinished()) {
    const failure = failureOf(drive);
    if (failure !== undefined) {
      drive.remarks.push(failure);
      return;
    }
    while (plan[0] !== undefined && plan[0].atS <= drive.elapsedS) {
      const [step] = plan.splice(0, 1);
      await step.act(drive);
    }
    if (performance.now() >= nextTickMs) {
      nextTickMs = performance.now() + TICK_MS;
      await poll(drive);
      drive.run.onTick(tickOf(drive));
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    drive.elapsedS = (performance.now() - beganMs) / 1000;
  }
}

type Step = { readonly atS: number; readonly act: (drive: Drive) => Promise<void> };

function planOf({ cuts, killsAt }: BenchOptions): Step[] {
  const steps: Step[] = [];
  for (const { fromS, toS } of cuts) {
    steps.push({ atS: fromS, act: (drive) => changeLink(drive, "cut", "the link is cut") });
    steps.push({ atS: toS, act: (drive) => changeLink(drive, "restore", "") });
  }
  for (const atS of killsAt) {
    steps.push({
      atS,
      act: async (drive) => {
        // The last moment to ask for its counts.
        await poll(drive);
        drive.parts.agent.kill();
        drive.run.onEvent(`${atS} s: the agent is killed`);
      },
    });
  }
  return steps.sort((a, b) => a.atS - b.atS);
}

async function changeLink(drive: Drive, kind: "cut" | "restore", phase: string): Promise<void> {
  await drive.parts.proxy.tell({ kind });
  drive.phase = phase;
  drive.run.onEvent(`${drive.elapsedS.toFixed(0)} s: ${phase === "" ? "the link is back" : phase}`);
}

/** Waits until nothing is left in the outbox, stops the agent, and gives what the file says then. */
async function drain(drive: Drive, beganMs: number): Promise<OutboxContent> {
  drive.phase = "draining";
  let left = Number.POSITIVE_INFINITY;
  let progressMs = performance.now();
  let emptySinceMs: number | undefined;
  for (;;) {
    await poll(drive);
    drive.elapsedS = (performance.now() - beganMs) / 1000;
    drive.run.onTick(tickOf(drive));
    const records = drive.status?.outbox.records ?? Number.POSITIVE_INFINITY;
    if (records < left) progressMs = performance.now();
    left = records;
    emptySinceMs = records === 0 ? (emptySinceMs ?? performance.now()) : undefined;
    if (emptySinceMs !== undefined && performance.now() - emptySinceMs > SETTLED_MS) break;
    if (performance.now() - progressMs > STALL_MS || failureOf(drive) !== undefined) {
      drive.remarks.push(failureOf(drive) ?? `the backlog does not shrink: ${left} records left`);
      break;
    }
    await sleep(POLL_MS * 2);
  }
  const code = await drive.parts.agent.stop(AGENT_STOP_MS);
  if (code !== 0) drive.remarks.push(`the agent ended with ${code ?? "a signal"} when asked to stop`);
  return await lastRecords(drive);
}

/** The broker may still be handing the last records to the consumers. */
async function lastRecords(drive: Drive): Promise<OutboxContent> {
  const outbox = readOutbox(join(drive.run.state.agent, "outbox.db"));
  const { consumers } = drive.parts;
  const endMs = performance.now() + LAST_RECORDS_MS;
  while (performance.now() < endMs) {
    const { missing } = consumers.account.gaps(outbox.lastSeqs);
    if (missing <= outbox.records && consumers.waiting() === 0) break;
    await sleep(POLL_MS);
  }
  if (consumers.waiting() > 0) drive.remarks.push(`${consumers.waiting()} records wait for a signal table`);
  return outbox;
}

function failureOf({ parts }: Drive): string | undefined {
  return parts.agent.failure ?? parts.consumers.failure ?? parts.sender.failure();
}

async function poll(drive: Drive): Promise<void> {
  drive.status = await readStatus(viewSocketOf(drive.run.state.runtime));
  if (drive.status !== undefined) drive.counters.note(drive.status);
}

function tickOf({ parts, status, elapsedS, phase, page }: Drive): BenchTick {
  const broken = parts.faults?.broken() ?? [];
  return { parts, status, elapsedS, agentStarts: parts.agent.starts, phase: [...broken, phase].join("  "), page };
}
