import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { rtcAlarm } from "../../../../drivers/os/rtc-alarm.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const HELPER = join(import.meta.dirname, "../../../../systemd/causeway-wake-alarm");
const NOW_S = 1_796_003_000;

let folder: string;
const file = (name: string): string => join(folder, "rtc0", name);

/** What the helper answers to bytes on its socket. */
function answerTo(request: string | Buffer): string {
  return spawnSync(HELPER, [folder], { input: request, encoding: "utf8" }).stdout.trim();
}

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder, "rtc0"));
  writeFileSync(file("since_epoch"), `${NOW_S}\n`);
  writeFileSync(file("wakealarm"), "");
});

describe("the helper that sets the alarm", () => {
  it("takes seconds up to 27 days, and 0 for none", () => {
    for (const seconds of [1, 60, 2_332_800]) {
      expect(answerTo(`${seconds}\n`)).toBe("set");
      expect(readFileSync(file("wakealarm"), "utf8")).toBe(`${NOW_S + seconds}\n`);
    }
    expect(answerTo("0\n")).toBe("set");
    expect(readFileSync(file("wakealarm"), "utf8")).toBe("0\n");
  });

  it("takes nothing else, and leaves the alarm alone then", () => {
    writeFileSync(file("wakealarm"), "before");
    const numbers = [
      "",
      "\n",
      "-5",
      "+5",
      "1.5",
      "0x10",
      "08",
      "1e3",
      "99999999",
      "2332801",
      "12 34",
      "12\n34\n",
      " 5",
    ];
    const others = ["$(reboot)", "`id`;ls", "/etc/passwd", "../../power/state", "5;echo 1", "60".repeat(100_000)];
    for (const request of [...numbers, ...others, Buffer.of(0, 255, 10), Buffer.alloc(100_000)]) {
      expect([request, answerTo(request)]).toEqual([request, expect.stringMatching(/^refused: /)]);
    }
    expect(readFileSync(file("wakealarm"), "utf8")).toBe("before");
  });

  it("says what the RTC lacks", () => {
    writeFileSync(file("since_epoch"), "");
    expect(answerTo("60\n")).toBe("refused: the time of the RTC is not set");
    expect(spawnSync(HELPER, [join(folder, "none")], { input: "60\n", encoding: "utf8" }).stdout).toContain("no RTC");
  });
});

describe("the alarm by a helper", () => {
  /** A helper that answers so, or never where it is undefined. */
  async function alarmAnswered(answer: string | undefined) {
    const clock = new ManualClock();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => undefined);
      socket.resume();
      if (answer !== undefined) socket.end(answer);
    });
    await new Promise<void>((resolve) => void server.listen(join(folder, "wake-alarm.sock"), resolve));
    return { clock, server, alarm: rtcAlarm({ runtimeDir: folder, clock }) };
  }

  it.each(["refused: no RTC here can wake the system", "", "x".repeat(10_000), "set twice"])(
    "is a fault when it answers %j",
    async (answer) => {
      const { alarm, server } = await alarmAnswered(answer);
      await expect(alarm.clear()).rejects.toMatchObject({ code: "alarm.unavailable" });
      server.close();
    },
  );

  it("does not wait for ever", async () => {
    const { alarm, clock, server } = await alarmAnswered(undefined);
    const connected = new Promise<void>((resolve) => void server.once("connection", () => resolve()));
    const cleared = alarm.clear().catch((fault: unknown) => fault);
    await connected;
    clock.advance(30_000);
    expect(await cleared).toMatchObject({ code: "alarm.unavailable" });
    server.close();
  });

  it("says that there is no helper", async () => {
    const alarm = rtcAlarm({ runtimeDir: folder, clock: new ManualClock() });
    await expect(alarm.clear()).rejects.toThrow(/ENOENT/);
    await expect(alarm.set(Number.NaN)).rejects.toMatchObject({ code: "alarm.unavailable" });
  });
});
