import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandDesk } from "../../../agent/programs/command-desk.ts";
import { ProgramForms } from "../../../agent/programs/program-form.ts";
import { ProgramIntake } from "../../../agent/programs/program-intake.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import { programsConfig } from "../../../config/programs.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { FairTurns } from "../../../drivers/os/local-socket/fair-turns.ts";
import { serveProgramSocket } from "../../../drivers/os/local-socket/program-server.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";

/** What a bus is left with: it hands over a record of 5 kB each 20 ms, by the same appender and in the process in which programs are served. */
export type BusFigures = {
  /** Of the records that were due. */
  readonly storedShare: number;
  /** How late a record was, ms: the middle, and 99 of 100. */
  readonly lateMs: { readonly median: number; readonly p99: number };
  /** CPU of the process, of one core. */
  readonly cpuShare: number;
  /** Records of programs, and bytes of them, that were stored. */
  readonly programRecords: number;
  readonly programBytes: number;
};

/** Without programs, with one at its rate, and with one that does what it can to take all; each over the rounds. */
export type ProgramFigures = {
  readonly alone: readonly BusFigures[];
  readonly fair: readonly BusFigures[];
  readonly hostile: readonly BusFigures[];
};

const SECONDS = 5;
const TICK_MS = 20;
const quiet = (): void => undefined;
const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };

/** 20 lines a second, of which each answer is read. */
const FAIR = `
const socket = require("net").connect(process.argv[1]);
socket.write('{"program":"bench"}\\n');
socket.on("data", () => undefined);
setInterval(() => socket.write('{"values":[{"name":"a","value":1}]}\\n'), 50);
`;
/** 1000 connections, made again when they are ended: lines, empty lines, garbage, lines without end, half lines, long lines that go on byte by byte, and messages of 32500 empty values as fast as they go, no answer read. */
const HOSTILE = `
const net = require("net");
const good = '{"values":[{"name":"a","value":1}]}\\n'.repeat(500);
const kinds = [
  '{"program":"bench"}\\n' + good,
  "garbage\\n".repeat(4000),
  "\\n".repeat(65536),
  "[".repeat(60000) + "\\n",
  "x".repeat(1000000),
  '{"half',
  '{"program":"bench"}\\n{"contentType":"a/b","bytes":"' + "A".repeat(60000) + '"}\\n',
  "a".repeat(60000),
  Buffer.concat([Buffer.from([0, 0xec, 0xfb, 3, 0x12, 0xe8, 0xfb, 3]), Buffer.from("1200".repeat(32500), "hex")]),
];
const DRIPS = 7;
const attack = (n) => {
  const socket = net.connect(process.argv[1]);
  socket.on("error", () => undefined);
  socket.on("close", () => setTimeout(attack, 20, n));
  const drip = () => { if (!socket.destroyed) socket.write("a", () => setImmediate(drip)); };
  const pour = () => { while (!socket.destroyed && socket.write(kinds[n % kinds.length])); };
  if (n % kinds.length === DRIPS) return socket.on("connect", () => socket.write(kinds[DRIPS], drip));
  socket.on("connect", pour);
  socket.on("drain", pour);
};
for (let n = 0; n < 1000; n++) attack(n);
`;

/** Measures all three in turns. */
export async function benchmarkPrograms(rounds: number): Promise<ProgramFigures> {
  const [alone, fair, hostile]: [BusFigures[], BusFigures[], BusFigures[]] = [[], [], []];
  for (let round = 0; round < rounds; round += 1) {
    alone.push(await measure(undefined));
    fair.push(await measure(FAIR));
    hostile.push(await measure(HOSTILE));
  }
  return { alone, fair, hostile };
}

async function measure(program: string | undefined): Promise<BusFigures> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const clock = systemClock();
  const { outbox } = openOutbox({ file: join(folder, "outbox.db"), maxBytes: 256_000_000, clock, log });
  const table = createSignalTable([]);
  const settings = { compression: "zstd", maxPayloadBytes: 120_000, timeResolutionUs: 1000, lifeMs: {} } as const;
  const encoder = new Encoder({ thing: "bench", bootId: "0".repeat(32), table, clock, settings });
  const appender = new Appender({ outbox, clock, log, holdBytes: 8_000_000, wake: quiet });
  const { takeSeconds, share, maxLineBytes, connections, ...clients } = programsConfig.parse({
    clients: [{ name: "bench" }],
  });
  const intake = new ProgramIntake({
    settings: clients,
    encoder,
    appender,
    outbox,
    desk: new CommandDesk([], () => ""),
    forms: new ProgramForms(() => readDescriptor("program")),
    clock,
  });
  const path = join(folder, "publish.sock");
  const socket = await serveProgramSocket({
    place: { path, mode: 0o600 },
    open: intake.openFor(),
    maxConnections: connections,
    bounds: { maxLineBytes, takeMs: takeSeconds * 1000 },
    turns: new FairTurns(share),
    counts: { clients: 0, refused: 0, displaced: 0, slow: 0, tooLong: 0 },
  });
  const child = program === undefined ? undefined : spawn(process.execPath, ["-e", program, path], { stdio: "ignore" });
  try {
    if (child !== undefined) await sleep(1000);
    const figures = await runBus(encoder, appender);
    const counts = intake.clients.get("bench")?.counts;
    return { ...figures, programRecords: counts?.records ?? 0, programBytes: counts?.bytes ?? 0 };
  } finally {
    if (child !== undefined) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
    await socket.stop();
    outbox.close();
    rmSync(folder, { recursive: true });
  }
}

async function runBus(
  encoder: Encoder,
  appender: Appender,
): Promise<Pick<BusFigures, "storedShare" | "lateMs" | "cpuShare">> {
  const content = new Uint8Array(5000).map((_, at) => (at * 7919) % 251);
  const lateMs: number[] = [];
  const due = (SECONDS * 1000) / TICK_MS;
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  const endMs = beganMs + SECONDS * 1000;
  for (let tick = 0; performance.now() < endMs; tick++) {
    const dueMs = beganMs + tick * TICK_MS;
    await sleep(Math.max(0, dueMs - performance.now()));
    const record = { kind: "bytes", program: "", contentType: "a/b", content, timeUs: 0 } as const;
    appender.add(encoder.programRecord("telemetry", record));
    appender.store();
    lateMs.push(performance.now() - dueMs);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const sorted = lateMs.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    storedShare: Math.min(1, lateMs.length / due),
    lateMs: { median: at(0.5), p99: at(0.99) },
    cpuShare: (user + system) / 1000 / (performance.now() - beganMs),
  };
}
