import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Broker } from "../../../agent/ports/broker.ts";
import { type CodeVerdict, expectedEvents, judgeCodes } from "../consumers/code-judge.ts";
import { DeliveryAccount, type Gaps } from "../consumers/delivery-account.ts";
import { readOutbox } from "../consumers/outbox-reader.ts";
import { createRecordReader, type WireRecord, type WireTroubleCode } from "../consumers/record-reader.ts";
import { until } from "../core/wait.ts";
import { DiagnosedVehicle, SILENCE_SECONDS } from "../vehicle/diagnosed-vehicle.ts";
import type { EcusCommand } from "../vehicle/ecus/ecus-protocol.ts";

const DESCRIPTOR = fileURLToPath(new URL("../../../config/proto/telemetry.desc", import.meta.url));
const CONSUMERS = ["consumer-1", "consumer-2"];
/** Records are shared among the consumers; each of them has the signal tables. */
const RECORDS = "$share/bench/dt/causeway/+/+";
const TABLES = "dt/causeway/+/schema/+";
const PATIENCE_MS = 30_000;
/** A tester has this long to be noticed. */
const NOTICED_WITHIN_MS = 100;
const TESTER_STAYS_MS = 6000;
const TESTER_PRESENT = 0x3e;

/** One step of the demonstration: what a unit did, whether all of its events came to a consumer, and when, ms after it; 0 of a step without events. */
export type ShownStep = { readonly what: string; readonly hasArrived: boolean; readonly arrivedAfterMs: number };

/** What became of it; `scripts/bench --diagnostics --json` prints it as it is. */
export type DiagnosticsSummary = {
  readonly schemaVersion: 1;
  readonly bus: string;
  readonly steps: readonly ShownStep[];
  readonly codes: CodeVerdict;
  /** Codes of which the record had a freeze frame or a snapshot. */
  readonly withFreeze: number;
  /** Records of all streams, and deliveries that were not the first of their record. */
  readonly records: number;
  readonly repeatedDeliveries: number;
  readonly missing: number;
  readonly unknown: number;
  readonly tester: TesterVerdict;
  readonly requests: Readonly<Record<string, number>>;
};

/** How the agent behaved beside the second tester. */
type TesterVerdict = {
  /** Requests of the agent that came to a unit from 100 ms after the tester's first until the tester had left. */
  readonly requestsBeside: number;
  /** Between the tester's last request and the agent's next, ms; 0 where none came. */
  readonly silentMs: number;
  /** Notices of the begin and the end of the silence. */
  readonly notices: readonly string[];
};

/** Whether all of it is as it should be. */
export function isGoodDiagnosis(summary: DiagnosticsSummary): boolean {
  const { steps, codes, missing, unknown, tester, withFreeze } = summary;
  if (steps.length < STEPS.length) return false;
  const isWhole = codes.gaps + codes.repeats + codes.differences.length + missing + unknown === 0;
  const isPolite = tester.requestsBeside === 0 && tester.silentMs >= SILENCE_SECONDS * 1000 - NOTICED_WITHIN_MS;
  return isWhole && isPolite && codes.arrived > 0 && withFreeze > 0 && tester.notices.length >= 2;
}

const P0301 = { kind: "code", ecu: "engine", code: 0x0301 } as const;
const WINDOW = { kind: "code", ecu: "body", code: 0x9a_2311 } as const;
const PRESSURE = { kind: "code", ecu: "truck-engine", code: (100 << 5) | 1 } as const;
const RARE = { kind: "code", ecu: "truck-engine", code: (520_200 << 5) | 31 } as const;

type Step = {
  readonly what: string;
  readonly tell: readonly EcusCommand[];
  readonly act?: (running: Running) => Promise<void>;
};

/** Each step is told only when the events of the one before it have arrived, so that the agent can see every state. */
const STEPS: readonly Step[] = [
  { what: "engine: P0301 is pending", tell: [{ ...P0301, state: "pending" }] },
  { what: "engine: P0301 is confirmed", tell: [{ ...P0301, state: "confirmed" }] },
  { what: "body: B1A23-11 is confirmed", tell: [{ ...WINDOW, state: "confirmed" }] },
  {
    what: "truck: two codes, so that DM1 takes several frames",
    tell: [
      { ...PRESSURE, state: "confirmed" },
      { ...RARE, state: "confirmed" },
    ],
  },
  { what: "engine: P0301 is gone", tell: [{ ...P0301, state: "gone" }] },
  {
    what: "the agent is killed, and P0301 comes back while it is away",
    tell: [{ ...P0301, state: "confirmed" }],
    act: async ({ vehicle }) => {
      await vehicle.kill();
      await vehicle.wake();
    },
  },
  { what: "a second tester stays for a while", tell: [], act: standBack },
  { what: "truck: SPN 520200 heals", tell: [{ ...RARE, state: "healed" }] },
  { what: "body: B1A23-11 is gone", tell: [{ ...WINDOW, state: "gone" }] },
];

type Running = {
  readonly vehicle: DiagnosedVehicle;
  readonly events: WireTroubleCode[];
  readonly notices: string[];
  readonly account: DeliveryAccount;
  /** Wall time at which the tester came and left, µs. */
  readonly tester: { cameUs: number; leftUs: number };
};

/** Lets codes come, heal and come back on the bench, with a kill and a second tester between, and accounts for all that arrives; gives each step to `onStep` when its events have arrived. */
export async function runDiagnostics(
  onStep: (step: ShownStep) => void,
  signal: AbortSignal,
): Promise<DiagnosticsSummary> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-diagnostics-"));
  const vehicle = await DiagnosedVehicle.start(folder);
  const consumers: Broker[] = [];
  const running: Running = {
    vehicle,
    events: [],
    notices: [],
    account: new DeliveryAccount(),
    tester: { cameUs: 0, leftUs: 0 },
  };
  try {
    for (const name of CONSUMERS) consumers.push(await subscribe(running, name));
    await vehicle.wake();
    const steps: ShownStep[] = [];
    for (const step of STEPS) {
      signal.throwIfAborted();
      const shown = await show(running, step);
      steps.push(shown);
      onStep(shown);
      // What comes after it could not be told apart from what is late.
      if (!shown.hasArrived) break;
    }
    await vehicle.sleep();
    return await sumUp(running, steps);
  } finally {
    for (const consumer of consumers) await consumer.stop();
    await vehicle.stop();
    rmSync(folder, { recursive: true });
  }
}

/** A step as a line for people. */
export function describeStep({ what, hasArrived, arrivedAfterMs }: ShownStep): string {
  const seconds = (arrivedAfterMs / 1000).toFixed(1);
  const arrived =
    arrivedAfterMs === 0 ? "" : hasArrived ? `at a consumer after ${seconds} s` : `not after ${seconds} s`;
  return `${what.padEnd(62)}${arrived}`;
}

/** The result for people. */
export function describeDiagnosis(summary: DiagnosticsSummary): string {
  const { codes, tester, records, missing, repeatedDeliveries, withFreeze, requests } = summary;
  const asked = Object.entries(requests).map(([ecu, count]) => `${ecu} ${count}`);
  const lines = [
    `bus       ${summary.bus}`,
    `codes     ${codes.arrived} of ${codes.expected} events, ${codes.gaps} gaps, ${codes.repeats} repeats, ${withFreeze} with what was frozen`,
    `records   ${records} delivered, ${missing} missing, ${repeatedDeliveries} delivered again`,
    `tester    ${tester.requestsBeside} requests of the agent beside the other tester, silent ${(tester.silentMs / 1000).toFixed(1)} s after it`,
    `requests  ${asked.join(", ")}`,
    ...codes.differences.map((difference) => `! ${difference}`),
    isGoodDiagnosis(summary) ? "Every change of a code arrived once, and the other tester was alone." : "FAILED",
  ];
  return `${lines.join("\n")}\n`;
}

async function subscribe({ vehicle, events, notices, account }: Running, name: string): Promise<Broker> {
  const session = await vehicle.cloud.sessionAs("consumer", undefined, name);
  session.start();
  await session.online(AbortSignal.timeout(PATIENCE_MS));
  const read = createRecordReader(readFileSync(DESCRIPTOR));
  const take: Parameters<Broker["subscribe"]>[1] = ({ topic, payload, contentType, userProperties }) => {
    if (/\/(presence|identity)$/.test(topic)) return;
    const encoding = userProperties.find(([key]) => key === "encoding")?.[1] ?? "identity";
    const record = read(payload, encoding, contentType);
    const isNew = account.note({ ...idOf(record), consumer: name, bytes: payload.length });
    if (record.loss !== undefined) {
      const { epoch, stream, first, last } = record.loss;
      account.noteLoss({ epoch: Number(epoch), stream, first: Number(first), last: Number(last) });
    }
    // A record may be delivered again: that is what its id is for.
    if (!isNew) return;
    if (record.troubleCode !== undefined) events.push(record.troubleCode);
    if (record.notice?.event.startsWith("diagnostics.") === true) notices.push(record.notice.event);
  };
  await session.subscribe(RECORDS, take);
  await session.subscribe(TABLES, take);
  return session;
}

function idOf({ thing, epoch, stream, seq, body }: WireRecord) {
  const copies = body === "table";
  return { thing, epoch: Number(epoch), stream, seq: Number(seq), samples: 0, copies, standsFor: [] };
}

async function show(running: Running, { what, tell, act }: Step): Promise<ShownStep> {
  const { vehicle, events } = running;
  const noted = vehicle.ecus.notes.length + tell.length;
  const startMs = performance.now();
  for (const command of tell) vehicle.ecus.tell(command);
  await until(() => (vehicle.ecus.notes.length >= noted ? true : undefined), {
    what: "the units did what they were told",
    timeoutMs: PATIENCE_MS,
  });
  await act?.(running);
  const wanted = expectedEvents(vehicle.ecus.notes).length;
  const told = (): number => new Set(events.filter(isOfCode).map(({ number }) => number)).size;
  const hasArrived = await until(() => (told() >= wanted ? true : undefined), { what, timeoutMs: PATIENCE_MS }).catch(
    () => false,
  );
  return { what, hasArrived, arrivedAfterMs: tell.length === 0 ? 0 : performance.now() - startMs };
}

function isOfCode({ event }: WireTroubleCode): boolean {
  return !/_(CHANGED|LAMPS)$/.test(event);
}

async function standBack({ vehicle, tester }: Running): Promise<void> {
  const { ecus } = vehicle;
  const from = ecus.asked.length;
  const own = () => ecus.asked.slice(from).filter(({ service }) => service === TESTER_PRESENT);
  ecus.tell({ kind: "tester", isThere: true });
  await until(() => own()[0], { what: "the second tester speaks", timeoutMs: PATIENCE_MS });
  tester.cameUs = own()[0].atUs;
  const isLong = (): true | undefined =>
    (own().at(-1)?.atUs ?? 0) - tester.cameUs > TESTER_STAYS_MS * 1000 - 2_000_000 ? true : undefined;
  await until(isLong, { what: "the second tester stays", timeoutMs: PATIENCE_MS });
  ecus.tell({ kind: "tester", isThere: false });
  tester.leftUs = own().at(-1)?.atUs ?? 0;
  const isBack = () => ecus.asked.find((one) => isAgents(one) && one.atUs > tester.leftUs);
  await until(isBack, { what: "the agent asks again", timeoutMs: PATIENCE_MS });
}

function isAgents({ service }: { readonly service: number }): boolean {
  return service !== TESTER_PRESENT;
}

async function sumUp(running: Running, steps: readonly ShownStep[]): Promise<DiagnosticsSummary> {
  const { vehicle, events, notices, account, tester } = running;
  const { lastSeqs } = readOutbox(vehicle.outboxFile);
  const gaps = await settled(account, lastSeqs);
  const agents = vehicle.ecus.asked.filter(isAgents);
  const beside = agents.filter(({ atUs }) => atUs > tester.cameUs + NOTICED_WITHIN_MS * 1000 && atUs <= tester.leftUs);
  const next = agents.find(({ atUs }) => atUs > Math.max(tester.leftUs, tester.cameUs + NOTICED_WITHIN_MS * 1000));
  const frozen = new Set(events.filter(({ code }) => code.freeze.length > 0).map(({ code }) => code.code));
  return {
    schemaVersion: 1,
    bus: vehicle.label,
    steps,
    codes: judgeCodes(vehicle.ecus.notes, events),
    withFreeze: frozen.size,
    records: account.records,
    repeatedDeliveries: account.duplicates,
    missing: gaps.missing,
    unknown: gaps.unknown,
    tester: {
      requestsBeside: beside.length,
      silentMs: next === undefined || tester.leftUs === 0 ? 0 : (next.atUs - tester.leftUs) / 1000,
      notices,
    },
    requests: vehicle.ecus.counts().requests,
  };
}

/** The broker may still be handing out the last records. */
async function settled(account: DeliveryAccount, lastSeqs: Parameters<DeliveryAccount["gaps"]>[0]): Promise<Gaps> {
  const isWhole = (): Gaps | undefined => (account.gaps(lastSeqs).missing === 0 ? account.gaps(lastSeqs) : undefined);
  return await until(isWhole, { what: "the last records", timeoutMs: 10_000 }).catch(() => account.gaps(lastSeqs));
}
