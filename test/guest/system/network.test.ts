import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contradictionsOf, settle, unitOf } from "../../../scripts/guest-machine/account.ts";
import { type Guest, startGuest } from "../../../scripts/guest-machine/vehicle-guest.ts";

/** What the unit allows (MemoryMax). */
const MEMORY_BYTES = 256 * 1_048_576;
const ETHERNET = "$(basename $(ls -d /sys/class/net/e*))";

describe("a bad link", () => {
  let guest: Guest;

  beforeAll(async () => {
    guest = await startGuest({ rate: 0.05 });
    await guest.sh("systemctl start causeway guest-traffic");
    await guest.statusWhen("online", ({ link, collected }) => link.state === "online" && collected.samples > 0);
  });
  afterAll(() => guest?.stop());

  it.each([
    ["9.6 kbit/s with half a second of delay", "rate 9600bit delay 500ms limit 10000"],
    ["half of the packets lost", "loss 50%"],
    ["packets delayed, doubled and out of order", "delay 100ms 80ms duplicate 10% reorder 25% 50%"],
  ])("loses nothing over %s", async (_name, how) => {
    const before = await guest.statusWhen("online", ({ link }) => link.state === "online");
    await guest.sh(`systemctl start guest-traffic && tc qdisc replace dev ${ETHERNET} root netem ${how}`);
    const enough = before.outbox.streams.telemetry.lastSeq + 60;
    const during = await guest.statusWhen("sixty records", ({ outbox }) => {
      return outbox.streams.telemetry.lastSeq >= enough;
    });
    console.log(`${during.delivery.delivered - before.delivery.delivered} of 60 records delivered meanwhile`);
    await guest.sh(`tc qdisc delete dev ${ETHERNET} root`);
    expect(contradictionsOf(guest, await settle(guest))).toEqual([]);
    expect(during.rssBytes).toBeLessThan(MEMORY_BYTES);
    expect((await unitOf(guest)).NRestarts).toBe("0");
  });

  it("loses nothing when the link is cut again and again", async () => {
    await guest.sh("systemctl start guest-traffic");
    for (let round = 0; round < 5; round++) {
      const { outbox } = await guest.statusWhen("online", ({ link }) => link.state === "online");
      await guest.link.cut();
      const enough = outbox.streams.telemetry.lastSeq + 8;
      await guest.statusWhen("offline and storing", (now) => {
        return now.link.state !== "online" && now.outbox.streams.telemetry.lastSeq >= enough;
      });
      await guest.link.restore();
    }
    expect(contradictionsOf(guest, await settle(guest))).toEqual([]);
  });
});
