import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectWhole, settle, unitOf } from "./account.ts";
import { type Guest, startGuest } from "./guest.ts";

/** The figure is 5 s; the emulated machine is asked about once a second and takes a second to answer. */
const RESUMES_MS = 8000;
const FILL = "dd if=/dev/zero of=/var/lib/causeway/filler bs=4k oflag=append conv=notrunc status=none";

describe("the data disk", () => {
  let guest: Guest;

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
    expect(resumedMs).toBeLessThan(RESUMES_MS);
    const { NRestarts, MainPID } = await unitOf(guest);
    expect(NRestarts).toBe("0");
    expect(MainPID).toBe(`${later.pid}`);
    await guest.link.restore();
    const { reportedLost, ...gaps } = await settle(guest);
    expectWhole(guest, { ...gaps, reportedLost: 0 });
    // What had to go to make room is counted exactly.
    expect(reportedLost).toBe((await guest.status())?.outbox.streams.telemetry.lost);
    console.log(`${reportedLost} records evicted and reported`);
  });

  it("read-only: the agent goes on receiving, logs what is wrong, and does not restart in a loop", async () => {
    await guest.sh("systemctl start guest-traffic && mount -o remount,abort /var/lib/causeway; true");
    const before = await guest.status();
    const after = await guest.statusWhen(
      "frames on a read-only disk",
      ({ buses }) => (buses[0]?.received ?? 0) > (before?.buses[0]?.received ?? 0) + 1000,
    );
    expect(await guest.run("touch /var/lib/causeway/probe")).toMatchObject({ code: 1 });
    const journal = await guest.sh("journalctl --unit causeway --output cat | tail -n 5");
    expect(journal).toContain('"event":"outbox.refused","code":"outbox.unavailable"');
    console.log(await guest.sh("systemctl show -P StatusText causeway"));
    expect((await unitOf(guest)).NRestarts).toBe("0");
    expect(after.outbox.streams.telemetry.lastSeq).toBe(before?.outbox.streams.telemetry.lastSeq);
  });
});
