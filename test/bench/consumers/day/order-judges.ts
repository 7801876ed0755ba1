import type { Execution } from "../../cloud/command-executions.ts";
import type { CloudExecution } from "../../cloud/job-executions.ts";
import { type DayPlan, isIn } from "../../day/day-plan.ts";
import { VAN_IDS } from "../../day/van-frames.ts";
import type { VanReport } from "../../day/van-protocol.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";

/** Frames of one actuation of the day's catalogue. */
const FRAMES = 3;
/** What a program's call may be told late, of the van's time: it is a process of its own. */
const CALL_MS = 3000;

type SentFrame = Extract<VanReport, { kind: "sent" }>;
type DoorChange = Extract<VanReport, { kind: "doors" }>;

/** What was ordered from afar, and what the van says of it. */
export type OrderParts = {
  readonly plan: DayPlan;
  readonly unlocks: readonly Execution[];
  readonly updates: readonly CloudExecution[];
  readonly sent: readonly SentFrame[];
  readonly doors: readonly DoorChange[];
  /** Lines of the program that installs: what it was called for, and the vehicle time, ms. */
  readonly installs: readonly string[];
};

/** Each unlock ended well and moved the doors once; nothing else was sent on the bus. */
export function judgeUnlocks({ plan, unlocks, sent, doors }: OrderParts): DayVerdict {
  const tally = new DayTally("unlock");
  for (const { executionId, status, reason } of unlocks) {
    tally.check(status === "SUCCEEDED", () => `${executionId} ended ${status} ${reason?.reasonCode ?? ""}`);
  }
  tally.check(
    unlocks.length === plan.unlocksMs.length,
    () => `${unlocks.length} of ${plan.unlocksMs.length} were sent`,
  );
  const commands = sent.filter(({ id }) => id === VAN_IDS.doorCommand);
  const opened = doors.filter(({ isLocked }) => !isLocked);
  tally.check(opened.length === unlocks.length, () => `the doors were unlocked ${opened.length} times`);
  tally.check(commands.length === unlocks.length * FRAMES, () => `${commands.length} command frames were on the bus`);
  const when = opened.map(({ atMs }) => timeOf(plan.startsAtMs, atMs)).join(", ");
  return tally.verdict(`${opened.length} actuations${when === "" ? "" : ` at ${when}`}, ${commands.length} frames`);
}

/** Whatever the agent sent was sent while the bus was awake. */
export function judgeQuiet({ plan, sent }: OrderParts): DayVerdict {
  const tally = new DayTally("quiet bus");
  const awake = sent.filter(({ atMs }) => isIn(plan.awake, atMs));
  tally.check(awake.length === sent.length, () => {
    const first = sent.find(({ atMs }) => !isIn(plan.awake, atMs));
    return `${sent.length - awake.length} frames on a bus that rests, the first at ${timeOf(plan.startsAtMs, first?.atMs ?? 0)}`;
  });
  return tally.verdict(`${sent.length} frames of the agent, ${sent.length - awake.length} of them while the bus rests`);
}

/** Each update is installed, once, and not on a trip. */
export function judgeUpdates({ plan, updates, installs }: OrderParts): DayVerdict {
  const tally = new DayTally("update");
  for (const { jobId, status, statusDetails } of updates) {
    tally.check(status === "SUCCEEDED", () => `${jobId} ended ${status} ${statusDetails?.reason ?? ""}`);
  }
  tally.check(updates.length === plan.updatesMs.length, () => `${updates.length} jobs of ${plan.updatesMs.length}`);
  const calls = installs.map((text) => {
    const [call = "", ms = "0"] = text.split(" ");
    return { call, atMs: Number(ms) - CALL_MS };
  });
  for (const { call, atMs } of calls) {
    tally.check(!isIn(plan.trips, atMs), () => `${call} at ${timeOf(plan.startsAtMs, atMs)}, on a trip`);
  }
  const done = calls.filter(({ call }) => call === "install");
  tally.check(done.length === updates.length, () => `installed ${done.length} times`);
  const when = done.map(({ atMs }) => timeOf(plan.startsAtMs, atMs)).join(", ");
  return tally.verdict(`${done.length} installed, parked${when === "" ? "" : ` at ${when}`}`);
}
