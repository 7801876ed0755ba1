import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contradictionsOf, settle } from "../../../scripts/guest-machine/account.ts";
import { subscribe } from "../../../scripts/guest-machine/subscriber.ts";
import { type Guest, startGuest } from "../../../scripts/guest-machine/vehicle-guest.ts";
import type { Child } from "../../bench/core/child.ts";
import { setClockError } from "../clock-error.ts";

const TEN_YEARS_S = 315_576_000;
const HOUR_MS = 3_600_000;
/** mosquitto_sub writes the user properties as name:value, in the order in which they were sent. */
const RECORD = /epoch:(\d+) seq:(\d+) stream:telemetry .*time-quality:([a-z]+)/;

describe("a clock that nobody can trust", () => {
  let guest: Guest;
  let subscriber: Child;
  /** Quality of the clock by seq, of telemetry. */
  const qualities = new Map<number, string>();

  beforeAll(async () => {
    guest = await startGuest({
      rate: 0.05,
      judgeByLog: true,
      boot: { clock: "1970-01-01T00:00:00" },
      config: {
        time: { pollSeconds: 5 },
        outbox: { lifeMs: { control: HOUR_MS, event: HOUR_MS, telemetry: HOUR_MS, capture: HOUR_MS } },
      },
    });
    subscriber = await subscribe(guest, "dt/causeway/+/telemetry", "%P", (line) => {
      const found = RECORD.exec(line);
      if (found !== null) qualities.set(Number(found[2]), found[3] ?? "");
    });
  });
  afterAll(async () => {
    await subscriber?.stop();
    await guest?.stop();
  });

  it("keeps what is collected in 1970, and delivers it once the time is known", async () => {
    console.log(`after a boot at 1970 systemd says ${(await guest.sh("date --iso-8601=seconds")).trim()}`);
    await guest.sh("date --set=@60 && systemctl start causeway guest-traffic");
    const stored = await more("records of 1970");
    expect(stored.clockQuality).toBe("unsynchronised");
    expect(stored.link.state).not.toBe("online");
    console.log(`in 1970 the link is ${stored.link.state}: ${stored.link.fault?.code}, ${stored.link.fault?.what}`);
    await setClock(0);
    await guest.sh(setClockError(2000));
    const startMs = performance.now();
    await guest.statusWhen("online", ({ link }) => link.state === "online");
    console.log(`online ${((performance.now() - startMs) / 1000).toFixed(0)} s after the clock was set`);
    const { clockQuality } = await more("records of now");
    expect(clockQuality).toBe("ntp");
    const { time } = await guest.statusWhen("what the clock is worth", (status) => status.time?.source === "unknown");
    console.log(`the clock: ${JSON.stringify(time)}`);
    expect(time).toMatchObject({ quality: "ntp", untold: 0 });
    expect(time?.errorMs).toBeLessThan(1000);
    await guest.sh(setClockError(16_000_000));
    await guest.statusWhen("no time source any more", (status) => status.clockQuality === "rtc");
  });

  it("goes on through steps of ten years in both directions", async () => {
    for (const [years, quality] of [
      [10, "saved"],
      [-10, "unsynchronised"],
      [0, "saved"],
    ] as const) {
      await setClock(years * (TEN_YEARS_S / 10));
      const { clockQuality, link } = await more(`records ${years} years off`);
      expect(clockQuality).toBe(quality);
      expect(link.state).toBe("online");
    }
    const told = await guest.sh("journalctl -u causeway -o cat | grep clock.changed");
    const stepsMs = [...told.matchAll(/"stepMs":(-?\d+)/g)].map(([, ms]) => Number(ms));
    console.log(`changes of the clock: ${told.trim().replaceAll("\n", "\n  ")}`);
    // From 1970 to now, and there and back by ten years: to the second, as date sets it.
    for (const years of [10, -20, 10]) {
      const expectedMs = years * TEN_YEARS_S * 100;
      expect(stepsMs.some((ms) => Math.abs(ms - expectedMs) < 120_000)).toBe(true);
    }
    expect(stepsMs.some((ms) => ms > 4 * TEN_YEARS_S * 1000)).toBe(true);
  });

  it("has delivered all in the order of seq, expired nothing, and marked each record with how good the clock was", async () => {
    const gaps = await settle(guest);
    expect(contradictionsOf(guest, gaps)).toEqual([]);
    const inOrder = [...qualities.entries()].sort(([a], [b]) => a - b).map(([, quality]) => quality);
    const runs = inOrder.filter((quality, index) => quality !== inOrder[index - 1]);
    // A record may fall between the end of the time source and the next step of the clock.
    expect(runs.join(" ")).toMatch(/^unsynchronised ntp( rtc)? unsynchronised$/);
  });

  /** Sets the guest's clock to the true time and so many seconds more. canplayer paces itself by that clock, and has to start again. */
  async function setClock(offsetS: number): Promise<void> {
    const seconds = Math.floor(Date.now() / 1000) + Math.round(offsetS);
    await guest.sh(`date --set=@${seconds} && systemctl restart guest-traffic`);
  }

  async function more(what: string) {
    const now = await guest.status();
    const enough = (now?.outbox.streams.telemetry.lastSeq ?? 0) + 8;
    return await guest.statusWhen(what, ({ outbox }) => outbox.streams.telemetry.lastSeq >= enough);
  }
});
