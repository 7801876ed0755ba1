import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Broker } from "../../../agent/ports/broker.ts";
import { readStatus } from "../agent/agent-client.ts";
import { viewSocketOf } from "../agent/agent-supervisor.ts";
import type { Execution } from "../cloud/command-executions.ts";
import type { CloudExecution } from "../cloud/job-executions.ts";
import { judgeRoaming } from "../consumers/day/budget-judge.ts";
import { judgeClockChanges } from "../consumers/day/clock-judge.ts";
import { Corrections } from "../consumers/day/corrections.ts";
import { DayRecords } from "../consumers/day/day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "../consumers/day/day-verdict.ts";
import { judgeFences } from "../consumers/day/fence-judge.ts";
import { judgeQuiet, judgeUnlocks, judgeUpdates, type OrderParts } from "../consumers/day/order-judges.ts";
import { judgePlaces } from "../consumers/day/place-judge.ts";
import { type BootFacts, judgeSamples } from "../consumers/day/sample-truth.ts";
import { judgeSinkTimes } from "../consumers/day/sink-times.ts";
import { judgePresence } from "../consumers/day/sleep-judge.ts";
import { judgeTimes } from "../consumers/day/time-judge.ts";
import { judgeStates, judgeTrips } from "../consumers/day/trip-judge.ts";
import { judgeUploads } from "../consumers/day/upload-judge.ts";
import { judgeUsage } from "../consumers/day/usage-judge.ts";
import { judgeWakes } from "../consumers/day/wake-judge.ts";
import type { Gaps } from "../consumers/delivery-account.ts";
import { readOutbox } from "../consumers/outbox-reader.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import { DayAgent } from "../day/day-agent.ts";
import { DayAlarm } from "../day/day-alarm.ts";
import { DayCloud, type WantedUpload } from "../day/day-cloud.ts";
import { installsFile, writeDayConfig } from "../day/day-config.ts";
import { DayModem } from "../day/day-modem.ts";
import { type DayPlan, loadDay } from "../day/day-plan.ts";
import { DayWorld } from "../day/day-world.ts";
import { PulseFile } from "../day/pulse-file.ts";
import { machineNowMs } from "../day/timeline.ts";
import { startVan, type VanProcess } from "../day/van-client.ts";
import { BenchSink } from "./bench-sink.ts";
import type { BenchState } from "./bench-state.ts";
import { DaySleep } from "./day-sleep.ts";
import { type DaySummary, summariseDay } from "./day-summary.ts";

const DESCRIPTOR = fileURLToPath(new URL("../../../config/proto/telemetry.desc", import.meta.url));
const DAY_MS = 86_400_000;
const LOOK_MS = 5;
const BEAT_MS = 2;
const AGENT_STOP_MS = 30_000;
const DRAINED_WITHIN_MS = 60_000;
const SETTLED_MS = 1000;

/** A day to be played. `speed` is how many times faster than in life. */
export type DayRun = {
  readonly day: string;
  readonly speed: number;
  readonly state: BenchState;
  /** Called when something happens, in words. */
  readonly onEvent: (what: string) => void;
};

/** Everything that a day has running. */
type Running = {
  readonly run: DayRun;
  readonly plan: DayPlan;
  readonly world: DayWorld;
  readonly cloud: DayCloud;
  readonly van: VanProcess;
  readonly modem: DayModem;
  readonly agent: DayAgent;
  readonly sleep: DaySleep;
  readonly heard: DayRecords;
  readonly sink: BenchSink;
  readonly boots: BootFacts[];
  readonly orders: {
    readonly unlocks: Execution[];
    readonly updates: CloudExecution[];
    readonly uploads: WantedUpload[];
  };
  readonly remarks: string[];
};

type Stops = (() => Promise<void>)[];
/** Something that happens at a vehicle time. */
type Step = { readonly atMs: number; readonly act: (running: Running) => Promise<void> };

/** Plays a day and judges all that came of it. Rejects when a part cannot be started, `config.invalid` for a day that cannot be played. */
export async function runDay(run: DayRun, signal: AbortSignal): Promise<DaySummary> {
  const plan = await loadDay(run.day);
  const stops: Stops = [];
  run.onEvent(`starting the day "${plan.name}": broker, cloud, van, two consumers`);
  try {
    const running = await startDay(run, plan, stops);
    const beganMs = performance.now();
    await play(running, signal);
    const gaps = await drain(running);
    const { folder } = await running.sink.content();
    return summariseDay({
      ...(await judged(running, gaps, folder)),
      tookSeconds: (performance.now() - beganMs) / 1000,
    });
  } finally {
    for (const stop of stops.toReversed()) await stop().catch((thrown: unknown) => run.onEvent(String(thrown)));
  }
}

async function startDay(run: DayRun, plan: DayPlan, stops: Stops): Promise<Running> {
  const { state } = run;
  const folder = join(state.root, "day");
  mkdirSync(folder, { mode: 0o700 });
  const cloud = await DayCloud.start(folder, state.logs, stops);
  // The next day: no certificate of this run is older.
  const startsAtMs = Math.ceil(Date.now() / DAY_MS) * DAY_MS + plan.startsAtMs;
  // Time hardly passes until all is there.
  const pulse = PulseFile.create();
  const beating = setInterval(() => pulse.beat("bench", machineNowMs()), BEAT_MS);
  stops.push(async () => {
    clearInterval(beating);
    pulse.remove();
  });
  const world = new DayWorld(startsAtMs, 1, pulse);
  cloud.store.now = () => world.trueMs();
  const van = await startVan({ day: run.day, pulseFile: pulse.path, timeline: world.line }, state.logs);
  stops.push(() => van.stop());
  const modem = await DayModem.start(folder, stops);
  const configFile = await writeDayConfig({
    folder,
    stateDir: state.agent,
    runtimeDir: state.runtime,
    pulseFile: pulse.path,
    plan,
    cloud,
    van,
    modem,
  });
  const alarm = await DayAlarm.start(state.runtime, () => world.nowMs());
  stops.push(() => alarm.stop());
  const agent = new DayAgent({ busAddress: modem.busAddress, configFile, pulseFile: pulse.path, logs: state.logs });
  stops.push(async () => void (await agent.stop(AGENT_STOP_MS)));
  world.add(async (line) => van.follow(line));
  world.add((line) => agent.follow(line));
  const heard = new DayRecords(readFileSync(DESCRIPTOR), () => world.nowMs());
  const sessions: Broker[] = [];
  for (const name of ["consumer-1", "consumer-2"]) {
    const session = await cloud.consumer(name);
    stops.push(() => session.stop());
    sessions.push(session);
  }
  await heard.listen(sessions);
  const sink = await BenchSink.start(join(folder, "rows"), await cloud.sinkBroker(), state.logs);
  stops.push(() => sink.stop());
  const announce = (what: string): void => run.onEvent(`${timeOf(plan.startsAtMs, world.nowMs())} ${what}`);
  const sleep = new DaySleep({ plan, speed: run.speed, world, agent, heard, alarm, say: announce });
  return {
    run,
    plan,
    world,
    cloud,
    van,
    modem,
    agent,
    sleep,
    heard,
    sink,
    boots: [],
    orders: { unlocks: [], updates: [], uploads: [] },
    remarks: [],
  };
}

async function play(running: Running, signal: AbortSignal): Promise<void> {
  const { plan, world, van } = running;
  const steps = stepsOf(plan);
  while (world.nowMs() < plan.lengthMs) {
    signal.throwIfAborted();
    const failure = van.failure();
    if (failure !== undefined) throw new Error(failure);
    while (steps[0] !== undefined && steps[0].atMs <= world.nowMs()) {
      const [step] = steps.splice(0, 1);
      await step.act(running);
    }
    await running.sleep.look();
    await pause(LOOK_MS);
  }
}

function stepsOf({ boots, trips, updatesMs, unlocksMs, uploadsMs }: DayPlan): Step[] {
  const steps: Step[] = [
    ...boots.map((boot): Step => ({ atMs: boot.atMs, act: (running) => bootUp(running, boot) })),
    ...trips.flatMap(({ tunnels }) =>
      tunnels.flatMap(({ fromMs, toMs }): Step[] => [
        { atMs: fromMs, act: (running) => changeLink(running, "cut") },
        { atMs: toMs, act: (running) => changeLink(running, "restore") },
      ]),
    ),
    ...trips.flatMap(({ roaming }) =>
      roaming.flatMap(({ fromMs, toMs }): Step[] => [
        { atMs: fromMs, act: (running) => roam(running, true) },
        { atMs: toMs, act: (running) => roam(running, false) },
      ]),
    ),
    ...updatesMs.map((atMs): Step => ({ atMs, act: offerUpdate })),
    ...unlocksMs.map((atMs): Step => ({ atMs, act: unlock })),
    ...uploadsMs.map((atMs): Step => ({ atMs, act: wantBundle })),
  ];
  return steps.sort((a, b) => a.atMs - b.atMs);
}

/** Power comes back, or for the first time. Processes start no faster than they do, so that time passes as it does in life meanwhile. */
async function bootUp(running: Running, { clockMs, setMs }: DayPlan["boots"][number]): Promise<void> {
  const { run, world, agent, sleep, boots } = running;
  await agent.cutPower();
  sleep.forget();
  await world.pace(1);
  await world.boot({ clockMs, setMs });
  const atMs = world.line.bootedAtMs;
  const bootId = `${boots.length + 1}`.padStart(32, "0");
  boots.push({ bootId, atMs, clockMs, setMs });
  say(running, clockMs === undefined ? "power, the clock is right" : "power, the clock is wrong");
  await agent.start(bootId, world.line);
  const isUp = async (): Promise<true | undefined> => {
    if (agent.hasEnded) throw new Error(`the agent has ended, see ${run.state.logs}/agent.log`);
    const status = await readStatus(viewSocketOf(run.state.runtime));
    return status?.link.state === "online" && status.buses[0]?.state === "up" ? true : undefined;
  };
  await until(isUp, { what: "the agent is online and hears its bus", timeoutMs: START_TIMEOUT_MS });
  await world.pace(run.speed, true);
}

async function changeLink(running: Running, kind: "cut" | "restore"): Promise<void> {
  await running.cloud.proxy.tell({ kind });
  say(running, kind === "cut" ? "no coverage" : "coverage again");
}

async function roam(running: Running, isAbroad: boolean): Promise<void> {
  await running.modem.roam(isAbroad);
  say(running, isAbroad ? "roaming" : "in its own network again");
}

async function offerUpdate(running: Running): Promise<void> {
  running.orders.updates.push(await running.cloud.offerUpdate());
  say(running, "the cloud has an update");
}

async function unlock(running: Running): Promise<void> {
  running.orders.unlocks.push(await running.cloud.command("doors.unlock", running.world.trueMs()));
  say(running, "somebody unlocks the doors from afar");
}

async function wantBundle(running: Running): Promise<void> {
  running.orders.uploads.push(await running.cloud.wantBundle(running.world.trueMs()));
  say(running, "the cloud wants a support bundle");
}

/** Waits, in time as it is, until the outbox is empty, stops the agent, and compares what it had assigned with what came. */
async function drain({ run, world, agent, sleep, heard, remarks }: Running): Promise<Gaps> {
  await sleep.wake("end");
  await world.pace(1);
  const outboxFile = join(run.state.agent, "outbox.db");
  let emptySinceMs: number | undefined;
  const isEmpty = async (): Promise<true | undefined> => {
    const status = await readStatus(viewSocketOf(run.state.runtime));
    const isIt = status?.link.state === "online" && status.outbox.records === 0;
    emptySinceMs = isIt ? (emptySinceMs ?? performance.now()) : undefined;
    return emptySinceMs !== undefined && performance.now() - emptySinceMs > SETTLED_MS ? true : undefined;
  };
  await until(isEmpty, { what: "the outbox is empty", timeoutMs: DRAINED_WITHIN_MS }).catch((thrown: unknown) =>
    remarks.push(String(thrown)),
  );
  const code = await agent.stop(AGENT_STOP_MS);
  if (code !== 0) remarks.push(`the agent ended with ${code ?? "a signal"} when asked to stop`);
  const { lastSeqs } = readOutbox(outboxFile);
  const whole = (): Gaps | undefined => {
    const gaps = heard.account.gaps(lastSeqs);
    return gaps.missing === 0 ? gaps : undefined;
  };
  return await until(whole, { what: "the last records", timeoutMs: 10_000 }).catch(() => heard.account.gaps(lastSeqs));
}

type Judged = Omit<Parameters<typeof summariseDay>[0], "tookSeconds">;

async function judged(running: Running, gaps: Gaps, rows: string): Promise<Judged> {
  const { run, plan, world, van, agent, sleep, heard, boots, remarks } = running;
  const parts = { plan, line: world.line, boots, heard };
  const { verdicts, samples, rounds } = judgeSamples(parts);
  const corrections = new Corrections(
    heard.records.map(({ record }) => record),
    world.line.startsAtMs,
  );
  const vehicle = { plan, heard, corrections };
  const wakes = { ...vehicle, sleeps: sleep.sleeps };
  const { sent, doors } = van;
  const installs = installsOf(join(run.state.root, "day"));
  const orders: OrderParts = { plan, ...running.orders, sent, doors, installs };
  return {
    plan,
    speed: run.speed,
    samples,
    records: heard.account.records,
    repeatedDeliveries: heard.account.duplicates,
    counts: van.counts(),
    verdicts: [
      judgeRecords(heard, gaps),
      ...verdicts,
      judgeTimes(parts, corrections),
      await judgeSinkTimes(rows, { plan, startsAtMs: world.line.startsAtMs, samples: rounds, boots }),
      judgeTrips(vehicle),
      judgeStates(vehicle),
      judgePlaces(vehicle),
      judgeFences(vehicle),
      judgeRoaming(vehicle),
      judgeUpdates(orders),
      judgeUnlocks(orders),
      judgeUploads({ plan, uploads: running.orders.uploads, objects: running.cloud.store.objects, heard }),
      judgeQuiet(orders),
      judgeWakes(wakes),
      judgeClockChanges(parts, corrections),
      judgeUsage({ ...wakes, boots, epochMs: world.line.startsAtMs }),
      judgePresence({ plan, line: world.line, sleeps: sleep.sleeps, heard }),
    ],
    agent: { starts: agent.starts, crashes: agent.crashes },
    remarks: [...remarks, ...heard.broken],
  };
}

function installsOf(folder: string): readonly string[] {
  const file = installsFile(folder);
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

function judgeRecords({ broken }: DayRecords, gaps: Gaps): DayVerdict {
  const tally = new DayTally("records");
  tally.check(gaps.missing === 0, () => `missing: ${gaps.examples.join(", ")}`);
  tally.check(gaps.unknown === 0, () => `${gaps.unknown} came under ids that the outbox never gave`);
  tally.check(broken.length === 0, () => `${broken.length} messages are no records`);
  tally.check(gaps.reportedLost === 0, () => `${gaps.reportedLost} were lost, and it was reported`);
  return tally.verdict(`${gaps.missing} gaps, ${gaps.reportedLost} reported lost`);
}

function say({ run, plan, world }: Running, what: string): void {
  run.onEvent(`${timeOf(plan.startsAtMs, world.nowMs())} ${what}`);
}
