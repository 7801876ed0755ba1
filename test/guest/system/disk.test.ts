import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import { contradictionsOf, lastSeqsOf, settle, unitOf } from "../../../scripts/guest-machine/account.ts";
import { type Guest, startGuest } from "../../../scripts/guest-machine/vehicle-guest.ts";
import type { LastSeq } from "../../bench/consumers/delivery-account.ts";
import { until } from "../../bench/core/wait.ts";

/** The figure, for storing again and for going on in memory. */
const FIGURE_MS = 5000;
/** The emulated machine is asked about once a second and takes a second to answer. */
const ASKED_MS = 3000;
const FILL = "dd if=/dev/zero of=/var/lib/causeway/filler bs=4k oflag=append conv=notrunc status=none";

describe("the data disk", () => {
  let guest: Guest;
  /** What was committed in the epochs that were only in memory. */
  const memory: LastSeq[] = [];

  beforeAll(async () => {
    guest = await startGuest({ rate: 0.1, dataBytes: 32_000_000 });
    await guest.sh("systemctl start causeway guest-traffic");
    await guest.statusWhen("storing", ({ link, collected }) => link.state === "online" && collected.samples > 0);
  });
  afterAll(() => guest?.stop());

  it("full: the agent runs on, and stores again as soon as there is space", async () => {
    // With nothing on its way, no record can be both delivered and, without its PUBACK, evicted.
    await settle(guest);
    await guest.link.cut();
    await guest.sh("systemctl start guest-traffic");
    // Until nothing is left: what the outbox frees in between goes too.
    await guest.run(`for i in 1 2 3; do ${FILL}; sync; done`);
    const full = await guest.status();
    await guest.run(`for i in 1 2 3 4 5 6; do ${FILL}; sleep 1; done`);
    const later = await guest.statusWhen(
      "frames on a full disk",
      ({ buses }) => (buses[0]?.received ?? 0) > (full?.buses[0]?.received ?? 0) + 500,
    );
    console.log(
      (
        await guest.sh("df --output=avail,pcent /var/lib/causeway | tail -n 1; systemctl show -P StatusText causeway")
      ).trim(),
    );
    console.log(await guest.sh("journalctl -u causeway -o cat | tail -n 5"));
    const lastSeq = later.outbox.streams.telemetry.lastSeq;
    await guest.sh("rm /var/lib/causeway/filler");
    const startMs = performance.now();
    await guest.statusWhen("storing again", ({ outbox }) => outbox.streams.telemetry.lastSeq > lastSeq + 4);
    const resumedMs = performance.now() - startMs;
    console.log(
      `${lastSeq - (full?.outbox.streams.telemetry.lastSeq ?? 0)} records stored while full; resumed after ${(resumedMs / 1000).toFixed(1)} s`,
    );
    expect(resumedMs).toBeLessThan(FIGURE_MS + guest.patience(ASKED_MS));
    const { NRestarts, MainPID } = await unitOf(guest);
    expect(NRestarts).toBe("0");
    expect(MainPID).toBe(`${later.pid}`);
    await guest.link.restore();
    const { reportedLost, ...gaps } = await settle(guest);
    expect(contradictionsOf(guest, { ...gaps, reportedLost: 0 })).toEqual([]);
    // What had to go to make room is counted exactly.
    expect(reportedLost).toBe((await guest.status())?.outbox.streams.telemetry.lost);
    console.log(`${reportedLost} records evicted and reported`);
  });

  it("read-only after an error: live records go on from memory, the state says so, and nothing committed is lost", async () => {
    await guest.sh("systemctl start guest-traffic");
    const before = await guest.statusWhen("storing", ({ link }) => link.state === "online");
    // What ext4 does to itself when its journal cannot be written.
    await guest.sh("mount -o remount,abort /var/lib/causeway");
    const startMs = performance.now();
    const degraded = await guest.statusWhen("degraded", ({ outbox }) => outbox.fault !== undefined);
    console.log(`degraded after ${(performance.now() - startMs).toFixed(0)} ms: ${degraded.outbox.fault?.what}`);
    // Said as soon as a record is not taken; memory stands in when the next one is tried.
    const began = await guest.statusWhen("in memory", ({ outbox }) => outbox.epoch !== before.outbox.epoch);
    const inMemoryMs = performance.now() - startMs;
    expect(began.outbox.fault).toBeDefined();
    expect(inMemoryMs).toBeLessThan(FIGURE_MS + guest.patience(ASKED_MS));
    const enough = began.delivery.delivered + 20;
    await guest.statusWhen("live records are delivered", ({ delivery }) => delivery.delivered >= enough);
    await until(
      async () => ((await unitOf(guest)).StatusText?.endsWith("in memory only") === true ? true : undefined),
      {
        what: "the state in systemctl status",
        timeoutMs: guest.patience(30_000),
      },
    );
    memory.push(...lastSeqsOf(await allDelivered()));
    await guest.sh(
      "systemctl stop causeway && umount /var/lib/causeway && fsck.ext4 -p /dev/vdb; mount /var/lib/causeway",
    );
    await guest.sh("systemctl start causeway");
    const after = await guest.statusWhen("on the disk again", ({ link }) => link.state === "online");
    expect(after.outbox).toMatchObject({ epoch: before.outbox.epoch });
    expect(after.outbox.fault).toBeUndefined();
    expect(contradictionsOf(guest, { ...(await settle(guest, memory)), reportedLost: 0 })).toEqual([]);
  });

  it("read-only at the start: the agent starts all the same, not over and over, and the disk takes over when it can", async () => {
    const { outbox } = await guest.statusWhen("a status", () => true);
    // The file system, not this mount of it, as after an error: the service's mount is a copy of its own, which a later remount of ours
    // would not make writable again.
    const readOnly = "mount -o remount,ro /var/lib/causeway && mount -o remount,bind,rw /var/lib/causeway";
    await guest.sh(`systemctl stop causeway && ${readOnly} && systemctl start causeway`);
    const started = await guest.statusWhen("online from memory", (now) => {
      return now.link.state === "online" && now.outbox.fault !== undefined;
    });
    await guest.sh("systemctl start guest-traffic");
    await guest.statusWhen("live records", ({ delivery }) => delivery.delivered > started.delivery.delivered + 8);
    await guest.link.cut();
    await guest.statusWhen("a backlog in memory", (now) => now.outbox.records >= 8);
    const inMemory = await trafficStopped();
    await guest.sh("mount -o remount,rw /var/lib/causeway");
    const back = await guest.statusWhen("on the disk again", (now) => now.outbox.fault === undefined);
    expect(back.outbox).toMatchObject({ epoch: outbox.epoch, records: inMemory.outbox.records });
    memory.push(...lastSeqsOf(inMemory));
    await guest.link.restore();
    expect(contradictionsOf(guest, { ...(await settle(guest, memory)), reportedLost: 0 })).toEqual([]);
    expect((await unitOf(guest)).NRestarts).toBe("0");
  });

  /** Gives the status once nothing is collected any more. */
  async function trafficStopped(): Promise<Status> {
    await guest.sh("systemctl stop guest-traffic");
    const now = await guest.statusWhen("a status", () => true);
    return await guest.statusWhen("the last batch is stored", ({ uptimeMs }) => uptimeMs > now.uptimeMs + 1500);
  }

  async function allDelivered(): Promise<Status> {
    await trafficStopped();
    return await guest.statusWhen("all is delivered", ({ outbox, delivery }) => {
      return outbox.records === 0 && delivery.inFlight === 0;
    });
  }
});
