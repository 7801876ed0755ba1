import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { MemoryLog } from "../../fakes/core/log.ts";
import { packedProgram } from "../agent/packed-program.ts";
import { startMosquitto } from "../broker/mosquitto.ts";
import { createSession } from "../broker/mqtt-session.ts";
import { createAuthority, writeIdentity } from "../cloud/certificate-authority.ts";
import { parseLine } from "../core/line-protocol.ts";
import { TreeClock, treeUsage } from "../core/process-tree.ts";
import { udpSockets } from "../core/udp-sockets.ts";
import { buildNativeTool } from "../native/native-tool.ts";
import {
  CLOUD_NAME,
  PEER_THING,
  type PeerProgram,
  type PeerSubject,
  type SubjectCounts,
  startAgent,
  startPeer,
  startReader,
} from "./peer-subjects.ts";
import { PeerTraffic, type Published } from "./peer-traffic.ts";
import { AGENT_THING, type PeerLoad } from "./peer-vehicle.ts";

/** Frames before the time that counts, so that a round does not begin in silence. */
const LEAD_SECONDS = 0.6;
/** By when an agent has let go of what only its start needs (drivers/can/clean-pages.ts). */
const START_OVER_MS = 35_000;
/** How late a reader may be before its frames count as unaccounted for. */
const LATEST_MS = 5000;
const SEED = 1;
const generated = z.union([z.object({ lead: z.int() }), z.object({ sent: z.int(), lateMs: z.number() })]);

/** Frames on so many buses, each at this rate; 0 for none. */
export type PeerScenario = { readonly buses: number; readonly framesPerSecond: number; readonly load: PeerLoad };
export type PeerOptions = {
  readonly rounds: number;
  readonly seconds: number;
  readonly peer: PeerProgram | undefined;
};

/** One subject in one round. `counts` and bytes are of this round alone; `published` is what came to the broker. */
export type PeerRound = {
  /** Of the time that counts: from when the first frames had been sent to when all were. */
  readonly counted: { readonly cpuUs: number; readonly seconds: number; readonly frames: number };
  readonly sent: number;
  /** By the kernel's own counters of the sockets, seen from outside. */
  readonly kernelDrops: number;
  /** How late the latest millisecond of frames was. */
  readonly lateMs: number;
  readonly counts: SubjectCounts;
  readonly rssBytes: number;
  readonly writtenBytes: number;
  readonly published: Published;
};
export type PeerFigures = {
  readonly seed: number;
  /** Load average of the machine before and after. */
  readonly load: readonly [number, number];
  readonly subjects: readonly { readonly name: string; readonly rounds: readonly PeerRound[] }[];
};

/**
 * The packed agent, its reader alone, npm socketcan, a reader in C, and another agent if there is one: all run at once, each on buses of its
 * own, and get the same frames in turns, `rounds` times; a first round does not count. Without frames all are watched at once.
 */
export async function benchmarkPeers(scenario: PeerScenario, options: PeerOptions): Promise<PeerFigures> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-peers-"));
  const before = loadavg()[0];
  const authority = createAuthority(join(folder, "ca"));
  const things = [AGENT_THING, PEER_THING];
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things, clouds: [CLOUD_NAME] });
  const issued = await authority.issue({ commonName: CLOUD_NAME, usage: "client" });
  const session = createSession({
    clientId: `${CLOUD_NAME}-traffic`,
    identity: { mode: "file", ...writeIdentity(folder, "cloud", issued) },
    caFile: mosquitto.caFile,
    broker: { host: mosquitto.host, port: mosquitto.port },
    log: new MemoryLog(),
  });
  const subjects: PeerSubject[] = [];
  try {
    session.start();
    const traffic = new PeerTraffic(AGENT_THING);
    await traffic.listen(session);
    const { buses, load } = scenario;
    const place = { folder, cloud: { authority, mosquitto }, buses, load };
    subjects.push(await startAgent(place, await packedProgram(join(folder, "program"))));
    for (const kind of ["native", "socketcan", "recvmmsg"] as const) subjects.push(await startReader(kind, place));
    if (options.peer !== undefined) subjects.push(await startPeer(place, options.peer));
    const rounds = await roundsOf(subjects, scenario, options, traffic);
    const named = subjects.map(({ name }, at) => ({ name, rounds: rounds.slice(1).map((round) => round[at]) }));
    return { seed: SEED, load: [before, loadavg()[0]], subjects: named };
  } finally {
    for (const subject of subjects) await subject.stop();
    await session.stop();
    await mosquitto.stop();
    rmSync(folder, { recursive: true });
  }
}

async function roundsOf(
  subjects: readonly PeerSubject[],
  scenario: PeerScenario,
  { rounds, seconds }: PeerOptions,
  traffic: PeerTraffic,
): Promise<readonly (readonly PeerRound[])[]> {
  const all: PeerRound[][] = [];
  if (scenario.framesPerSecond === 0) await sleep(START_OVER_MS);
  const measure = (subject: PeerSubject) => measureRound(subject, scenario, seconds, traffic);
  for (let round = 0; round <= rounds; round += 1) {
    const measured: PeerRound[] = [];
    if (scenario.framesPerSecond === 0) measured.push(...(await Promise.all(subjects.map(measure))));
    else for (const subject of subjects) measured.push(await measure(subject));
    all.push(measured);
  }
  return all;
}

/** Sends frames to one subject for so many seconds, and some before that do not count. */
export async function measureRound(
  subject: PeerSubject,
  scenario: PeerScenario,
  seconds: number,
  traffic: PeerTraffic,
): Promise<PeerRound> {
  const publishedBy = () => (subject.name === "peer" ? traffic.others() : traffic.own());
  const before = await subject.count();
  const published = publishedBy();
  const { drops } = udpSockets(subject.buses.ports);
  const { writtenBytes } = treeUsage(subject.pid);
  const clock = new TreeClock(subject.pid);
  let begun = 0;
  const { lead, sent, lateMs } = await send(subject, scenario, LEAD_SECONDS + seconds, () => {
    clock.takeUs();
    begun = performance.now();
  });
  const cpuUs = clock.takeUs();
  const counted = { cpuUs, seconds: (performance.now() - begun) / 1000, frames: sent - lead };
  const usage = treeUsage(subject.pid);
  await sleep(subject.settleMs);
  const dropsOf = (): number => udpSockets(subject.buses.ports).drops - drops;
  const after = await allCounted(subject, before, () => sent - dropsOf());
  const now = publishedBy();
  return {
    counted,
    sent,
    kernelDrops: dropsOf(),
    lateMs,
    counts: countsSince(before, after),
    rssBytes: usage.rssBytes,
    writtenBytes: treeUsage(subject.pid).writtenBytes - writtenBytes,
    published: { messages: now.messages - published.messages, bytes: now.bytes - published.bytes },
  };
}

/** What the subject counted when it has come to the last frame of `wanted`, or has had its time: on a busy machine it may be seconds late. */
async function allCounted(subject: PeerSubject, before: SubjectCounts, wanted: () => number): Promise<SubjectCounts> {
  const end = performance.now() + LATEST_MS;
  for (;;) {
    const now = await subject.count();
    const received = countsSince(before, now).received;
    if (received === undefined || received >= wanted() || performance.now() > end) return now;
    await sleep(100);
  }
}

function countsSince(before: SubjectCounts, after: SubjectCounts): SubjectCounts {
  const since = (one: number | undefined, other: number | undefined) =>
    other === undefined ? undefined : other - (one ?? 0);
  return {
    received: since(before.received, after.received),
    dropped: since(before.dropped, after.dropped),
    samples: since(before.samples, after.samples),
    payloadBytes: since(before.payloadBytes, after.payloadBytes),
  };
}

/** Calls `onLead` when the frames of the lead are sent, and resolves when all are. */
async function send(
  { buses }: PeerSubject,
  { framesPerSecond }: PeerScenario,
  seconds: number,
  onLead: () => void,
): Promise<{ readonly lead: number; readonly sent: number; readonly lateMs: number }> {
  if (framesPerSecond === 0) {
    onLead();
    await sleep(seconds * 1000);
    return { lead: 0, sent: 0, lateMs: 0 };
  }
  const args = [framesPerSecond, seconds, SEED, LEAD_SECONDS].map(String);
  const env = { ...process.env, ...buses.environment };
  const generator = spawn(await buildNativeTool("frame-generator"), [buses.names.join(","), ...args], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(generator, "exit");
  let lead = 0;
  for await (const line of createInterface({ input: generator.stdout })) {
    const told = parseLine(generated, line);
    if ("sent" in told) return { lead, ...told };
    lead = told.lead;
    onLead();
  }
  throw new Error(`the generator ended with ${String((await ended)[0])}`);
}
