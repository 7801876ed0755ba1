import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identityInUse } from "../../../agent/identity/identity-state.ts";
import { type IdentityDevice, type IdentityTask, identityDevice } from "../agent/identity-device.ts";
import { type CloudBench, startCloudBench } from "../cloud/cloud-bench.ts";

/** Named steps of each task; what is true once the step is durable is its name. */
const STEPS: Readonly<Record<IdentityTask, readonly string[]>> = {
  enrol: ["begin", "keyed", "asked", "issued", "tried", "registered", "verified", "claim-destroyed"],
  again: [
    "begin",
    "keyed",
    "asked",
    "issued",
    "tried",
    "registered",
    "verified",
    "claim-destroyed",
    "announced",
    "retired",
  ],
  renew: ["begin", "keyed", "asked", "issued", "tried", "registered", "verified", "announced", "retired"],
};

/** Where a process is killed: just before or just after a step is durable. */
export type KillPlace = { readonly task: IdentityTask; readonly killAt: string };

/** All places of a task, or those on one side. */
export function killPlaces(task: IdentityTask, sides: readonly ("before" | "after")[]): readonly KillPlace[] {
  return STEPS[task].flatMap((step) => sides.map((side) => ({ task, killAt: `${step}:${side}` })));
}

/**
 * Kills the process of a device at a place, and lets the next one go on. Gives what was wrong: the device must have a working identity
 * all the time from its first one on, and in the end a new one, and no key too many.
 */
export async function problemAfterKill(
  device: IdentityDevice,
  { task, killAt }: KillPlace,
): Promise<string | undefined> {
  const { attempt, works, keys, state } = device;
  const before = task === "enrol" ? undefined : identityInUse(state())?.keyLabel;
  const killed = await attempt(task, killAt);
  if (killed.ended !== "SIGKILL") return `not killed: ${killed.ended}`;
  if (task !== "enrol" && !(await works())) return "no working identity after the kill";
  // Nothing is known yet of what was begun there, so the wish has to be said again; a renewal is wished by its schedule.
  const next = await attempt(task === "again" && killAt !== "begin:before" ? "enrol" : task);
  if (!/^(enrolled|present|renewed)$/.test(next.ended)) return `not continued: ${next.ended}`;
  if (!(await works())) return "no working identity in the end";
  const labels = (await keys.list()).map(({ label }) => label);
  if (labels.length !== 1) return `keys left: ${labels.join(" ")}`;
  if (identityInUse(state())?.keyLabel === before) return "still the old identity";
  return state().claim === undefined ? undefined : "the claim is still remembered";
}

/** Kills in one task, and what was wrong after the ones that were not survived. */
export type KillFigures = { readonly task: IdentityTask; readonly kills: number; readonly problems: readonly string[] };

/** Kills devices `rounds` times at every place of every task, with a mosquitto and a cloud of its own. */
export async function benchmarkKills(rounds: number): Promise<readonly KillFigures[]> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-kills-"));
  const bench = await startCloudBench(folder);
  try {
    const figures: KillFigures[] = [];
    for (const task of ["enrol", "again", "renew"] as const) figures.push(await campaign(bench, folder, task, rounds));
    return figures;
  } finally {
    await bench.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function campaign(bench: CloudBench, folder: string, task: IdentityTask, rounds: number): Promise<KillFigures> {
  const places = killPlaces(task, ["before", "after"]);
  const problems: string[] = [];
  let device: IdentityDevice | undefined;
  for (let round = 0; round < rounds; round++) {
    for (const place of places) {
      if (task === "enrol" || device === undefined) {
        device = identityDevice(bench, folder, `${task}-${round}-${place.killAt.replace(":", "-")}`);
        if (task !== "enrol") await device.attempt();
      }
      const problem = await problemAfterKill(device, place);
      if (problem === undefined) continue;
      problems.push(`${place.killAt}: ${problem}`);
      device = undefined;
    }
  }
  return { task, kills: rounds * places.length, problems };
}
