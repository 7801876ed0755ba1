import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { AgentError, EXIT, FAULTS } from "../../agent/core/errors.ts";
import { GUEST_CACHE } from "../testing/cached.ts";
import { contradictionsOf, settle } from "./account.ts";
import { cannotRunGuest } from "./base-image.ts";
import { removeLeftovers } from "./place.ts";
import { cutPower, ingesting, type PowerCut } from "./power-cuts.ts";
import {
  growthBytesPerDay,
  type ProcessSample,
  progressOf,
  readSoakReport,
  type SoakRound,
  writeSoakReport,
} from "./soak-report.ts";
import { type Guest, startGuest } from "./vehicle-guest.ts";

const REPORT = join(GUEST_CACHE, "soak.json");
const CUTS_A_ROUND = 20;
const HOURS_A_ROUND = 0.5;
const HOUR_MS = 3_600_000;
/** The link is there for this long, then away for `AWAY_MS`. */
const THERE_MS = 20_000;
const AWAY_MS = 5000;
/** Half of the vehicle's 2000 frames/s. */
const RATE = 0.5;

type Goal = { readonly cuts: number; readonly hours: number };

function say(line: string): void {
  process.stderr.write(`soak: ${line}\n`);
}

/** Goes on where the report ends, a fresh guest a round, until the goal is reached. Gives the exit code. */
async function campaign(goal: Goal, fresh: boolean, signal: AbortSignal): Promise<number> {
  const reason = cannotRunGuest();
  if (reason !== undefined) {
    say(reason);
    return EXIT.unavailable;
  }
  removeLeftovers();
  if (fresh) rmSync(REPORT, { force: true });
  let report = readSoakReport(REPORT);
  for (;;) {
    const done = progressOf(report);
    say(`${done.cuts} of ${goal.cuts} cuts, ${done.hours.toFixed(2)} of ${goal.hours} h`);
    const left = { cuts: Math.max(0, goal.cuts - done.cuts), hours: Math.max(0, goal.hours - done.hours) };
    if (left.cuts === 0 && left.hours === 0) break;
    const round = await runRound(
      { cuts: Math.min(CUTS_A_ROUND, left.cuts), hours: Math.min(HOURS_A_ROUND, left.hours) },
      signal,
    );
    report = { ...report, rounds: [...report.rounds, round] };
    writeSoakReport(REPORT, report);
    for (const contradiction of round.contradictions) say(`FAILED ${contradiction}`);
  }
  const failed = report.rounds.flatMap(({ contradictions }) => contradictions);
  process.stdout.write(`${JSON.stringify({ ...report, ...progressOf(report), failures: failed.length })}\n`);
  return failed.length === 0 ? EXIT.ok : EXIT.failed;
}

async function runRound({ cuts, hours }: Goal, signal: AbortSignal): Promise<SoakRound> {
  const startedAt = new Date().toISOString();
  const guest = await startGuest({ rate: RATE });
  try {
    await guest.sh("systemctl start causeway guest-traffic");
    await ingesting(guest);
    const made: PowerCut[] = [];
    for (let n = 0; n < cuts; n++) {
      signal.throwIfAborted();
      made.push(await cutPower(guest, n % 2 === 1));
      say(`cut ${n + 1} of ${cuts}`);
    }
    const soaked = await soak(guest, hours * HOUR_MS, signal);
    const gaps = await settle(guest);
    const forgotten = made.filter((cut) => cut.forgotten > 0).map((cut) => `${cut.forgotten} committed records gone`);
    const { records, samples, duplicates } = guest.consumers.account;
    return {
      startedAt,
      cuts,
      hours,
      flaps: soaked.flaps,
      records,
      samples,
      duplicates,
      contradictions: [...contradictionsOf(guest, gaps), ...forgotten],
      slowestIngestingMs: Math.max(0, ...made.map(({ ingestingMs }) => ingestingMs)),
      lockoutCounter: Math.max(0, ...made.map(({ lockoutCounter }) => lockoutCounter)),
      ...soaked.growth,
    };
  } finally {
    await guest.stop();
  }
}

type Growth = Pick<SoakRound, "rssBytesPerDay" | "descriptors">;

async function soak(
  guest: Guest,
  durationMs: number,
  signal: AbortSignal,
): Promise<{ readonly flaps: number; readonly growth: Growth }> {
  const looks: (ProcessSample & { readonly descriptors: number })[] = [];
  let flaps = 0;
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    await sleep(THERE_MS, undefined, { signal });
    const { uptimeMs, rssBytes, pid } = await ingesting(guest);
    looks.push({ uptimeMs, rssBytes, descriptors: Number(await guest.sh(`ls /proc/${pid}/fd | wc -l`)) });
    await guest.link.cut();
    flaps += 1;
    await sleep(AWAY_MS, undefined, { signal });
    await guest.link.restore();
  }
  const [first] = looks;
  const last = looks.at(-1);
  const rssBytesPerDay = growthBytesPerDay(looks);
  return {
    flaps,
    growth: {
      ...(rssBytesPerDay === undefined ? {} : { rssBytesPerDay }),
      ...(last === undefined ? {} : { descriptors: { first: first.descriptors, last: last.descriptors } }),
    },
  };
}

function atLeastZero(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 100_000)) throw new InvalidArgumentError("Give a number from 0 to 100000.");
  return value;
}

const program = new Command("guest soak")
  .description("power cuts and hours under traffic, on fresh guests, until the goal is reached")
  .option("--cuts <count>", "power cuts", atLeastZero, 200)
  .option("--hours <hours>", "time under traffic, with a link that comes and goes", atLeastZero, 1)
  .option("--fresh", "forget the rounds of an earlier run", false)
  .addHelpText(
    "after",
    "\nAn interrupted campaign goes on where its report, .cache/guest/soak.json, ends; it loses at most the running round (20 cuts, half an hour).",
  );
const { cuts, hours, fresh } = program.parse().opts<{ cuts: number; hours: number; fresh: boolean }>();
const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => interrupt.abort());

try {
  process.exitCode = await campaign({ cuts: Math.ceil(cuts), hours }, fresh, interrupt.signal);
} catch (thrown) {
  if (interrupt.signal.aborted) {
    say("interrupted; the same command goes on with the next round");
    process.exitCode = EXIT.interrupted;
  } else if (thrown instanceof AgentError) {
    say(`${thrown.message}; ${thrown.remedy}`);
    process.exitCode = FAULTS[thrown.code].exit;
  } else {
    throw thrown;
  }
}
// The MQTT library's threads live on after its clients have stopped.
process.stdout.write("", () => process.exit());
