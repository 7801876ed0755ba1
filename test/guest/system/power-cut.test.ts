import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Status } from "../../../agent/status.ts";
import { expectWhole, lastSeqsOf, settle } from "./account.ts";
import { type Guest, startGuest } from "./guest.ts";

const CUTS = Number(process.env.GUEST_CUTS ?? 20);
const RATE = 0.1;
/** Time for ten minutes of cuts on a busy machine. */
const TIMEOUT_MS = 1_800_000;
/** Guest time from the start of the process to the first frames: the goal of 10 s, and what emulation makes of it. */
const INGESTING_MS = 60_000;

/** What one cut found. Times are the guest's own, ms. */
type Cut = { readonly ingestingMs: number; readonly backlog: number; readonly lastSeq: number };

describe("power cuts", () => {
  let guest: Guest;

  beforeAll(async () => {
    guest = await startGuest({ rate: RATE });
    await guest.sh("systemctl start causeway guest-traffic");
  });
  afterAll(() => guest?.stop());

  it(
    `delivers every committed record over ${CUTS} cuts, and can log in at the TPM after each`,
    async () => {
      const cuts: Cut[] = [];
      let committed = (await ingesting()).outbox.streams.telemetry.lastSeq;
      for (let n = 0; n < CUTS; n++) {
        // Every other time the backlog is only on the disk when the power goes; else it is on its way to the broker.
        const cut = await cutOnce(n % 2 === 1, committed);
        cuts.push(cut);
        committed = cut.lastSeq;
      }
      const gaps = await settle(guest);
      expectWhole(guest, gaps);
      const integrity = readFileSync(join(guest.machine.share, "integrity.txt"), "utf8").trim().split("\n");
      expect(integrity).toEqual(cuts.map(() => "ok"));
      const times = cuts.map(({ ingestingMs }) => Math.round(ingestingMs / 100) / 10).sort((a, b) => a - b);
      const { records, duplicates } = guest.consumers.ledger;
      console.log(`${CUTS} cuts: ${records} records, ${duplicates} delivered again, ${gaps.missing} missing`);
      console.log(`ingesting after a start, s of guest time: ${times.join(" ")}`);
      console.log(`backlogs of ${cuts.map(({ backlog }) => backlog).join(" ")} records`);
      console.log(await guest.sh("tpm2_getcap properties-variable | grep -E 'inLockout|LOCKOUT_COUNTER'"));
      expect(Math.max(...times) * 1000).toBeLessThan(INGESTING_MS);
    },
    TIMEOUT_MS,
  );

  /** Online, receiving and storing. */
  async function ingesting(): Promise<Status> {
    return await guest.statusWhen(
      "online and storing",
      ({ link, collected }) => link.state === "online" && collected.samples > 0,
    );
  }

  async function cutOnce(offline: boolean, committedBefore: number): Promise<Cut> {
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
    const after = await ingesting();
    const lastSeq = after.outbox.streams.telemetry.lastSeq;
    expect(lastSeq).toBeGreaterThanOrEqual(committedBefore);
    const delivered = (): number => consumers.ledger.gaps(lastSeqsOf(last)).missing;
    await guest.statusWhen("what was committed before the cut is delivered", () => delivered() === 0, 60_000);
    return { ingestingMs: first.uptimeMs, backlog: last.outbox.records, lastSeq };
  }
});
