import { createConnection } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { rtcAlarm } from "../../../../drivers/os/rtc-alarm.ts";
import { DayAlarm } from "../../../bench/day/day-alarm.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

describe("the alarm of a day's gateway", () => {
  it("goes off as far ahead as the agent's own driver asks for, and not when that clears it", async () => {
    const folder = temporaryFolder();
    const alarm = await DayAlarm.start(folder, () => 5000);
    onTestFinished(() => alarm.stop());
    const clock = new ManualClock();
    const driver = rtcAlarm({ runtimeDir: folder, clock });
    await driver.set(clock.wallUs() + 60_000_000);
    expect([alarm.atMs, alarm.sets]).toEqual([65_000, 1]);
    await driver.clear();
    expect([alarm.atMs, alarm.sets]).toEqual([undefined, 1]);
  });

  it.each(["", "-1\n", "01\n", "12345678\n", "1\n1\n"])("refuses %j, as the helper does", async (request) => {
    const folder = temporaryFolder();
    const alarm = await DayAlarm.start(folder, () => 0);
    onTestFinished(() => alarm.stop());
    const socket = createConnection(join(folder, "wake-alarm.sock"));
    socket.end(request);
    expect(await text(socket)).toMatch(/^refused/);
    expect(alarm.atMs).toBeUndefined();
  });
});
