import type { Status } from "../../agent/local-api/status-schema.ts";
import { lastSeqsOf } from "./account.ts";
import type { Guest } from "./vehicle-guest.ts";

/** What one cut found. Times are the guest's own. */
export type PowerCut = {
  /** From the start of the agent's process to the first frames, ms. */
  readonly ingestingMs: number;
  /** Records that waited on the disk when the power went. */
  readonly backlog: number;
  /** Highest seq of telemetry after the next start. */
  readonly lastSeq: number;
  /** Seqs of telemetry that the next start gave again: committed records that the disk did not keep. Must be 0. */
  readonly forgotten: number;
  /** The TPM's dictionary-attack counter after the login that follows. */
  readonly lockoutCounter: number;
};

/** Online, receiving and storing. */
export async function ingesting(guest: Guest): Promise<Status> {
  return await guest.statusWhen(
    "online and storing",
    ({ link, collected }) => link.state === "online" && collected.samples > 0,
  );
}

/**
 * Takes the power away while records are on their way (or, `offline`, while the backlog is only on the disk), boots again, and
 * waits until everything that was committed before has been delivered. Throws when that does not happen.
 */
export async function cutPower(guest: Guest, offline: boolean): Promise<PowerCut> {
  const { consumers, link, machine } = guest;
  if (offline) await link.cut();
  const start = await guest.status();
  // Some batches more than there were.
  const enough = (start?.outbox.streams.telemetry.lastSeq ?? 0) + (offline ? 12 : 4);
  const last = await guest.statusWhen("more records", ({ outbox }) => outbox.streams.telemetry.lastSeq >= enough);
  await machine.powerCut();
  if (offline) await link.restore();
  await machine.boot();
  const first = await guest.statusWhen("frames after the boot", ({ buses }) => (buses[0]?.received ?? 0) > 0);
  const after = await ingesting(guest);
  const committed = last.outbox.streams.telemetry.lastSeq;
  const { lastSeq } = after.outbox.streams.telemetry;
  const missing = (): number => consumers.account.gaps(lastSeqsOf(last)).missing;
  await guest.statusWhen("what was committed before the cut is delivered", () => missing() === 0);
  return {
    ingestingMs: first.uptimeMs,
    backlog: last.outbox.records,
    lastSeq,
    forgotten: Math.max(0, committed - lastSeq),
    lockoutCounter: await lockoutCounter(guest),
  };
}

/** TPM2_PT_LOCKOUT_COUNTER (TPM 2.0 Library, Part 2, 6.13). Throws when the TPM is in lockout. */
async function lockoutCounter(guest: Guest): Promise<number> {
  const text = await guest.sh("TPM2TOOLS_TCTI=device:/dev/tpmrm0 tpm2_getcap properties-variable");
  if (/inLockout:\s+1/.test(text)) throw new Error(`the TPM is in lockout:\n${text}`);
  return Number(/TPM2_PT_LOCKOUT_COUNTER: (\w+)/.exec(text)?.[1]);
}
