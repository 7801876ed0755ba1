import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { rtcAlarm } from "../../drivers/os/rtc-alarm.ts";
import { ManualClock } from "../fakes/core/clock.ts";
import { temporaryFolder } from "../fakes/core/folder.ts";
import { FakeWakeAlarm } from "../fakes/ports/wake-alarm.ts";
import { wakeAlarmContract } from "./wake-alarm.suite.ts";

const HELPER = join(import.meta.dirname, "../../systemd/causeway-wake-alarm");
/** The RTC of the test goes by local time, two hours ahead. */
const LOCAL_S = 7200;

wakeAlarmContract("fake", async () => {
  const clock = new ManualClock();
  const alarm = new FakeWakeAlarm(clock);
  return {
    alarm,
    nowUs: () => clock.wallUs(),
    setUs: () => alarm.atUs,
    remove: () => {
      alarm.isGone = true;
    },
    close: async () => undefined,
  };
});

wakeAlarmContract("an RTC in local time, by the helper of the package", async () => {
  const folder = temporaryFolder();
  const clock = new ManualClock();
  const rtc = join(folder, "class/rtc1");
  mkdirSync(rtc, { recursive: true });
  mkdirSync(join(folder, "class/rtc0"));
  writeFileSync(join(rtc, "since_epoch"), `${Math.floor(clock.wallUs() / 1e6) + LOCAL_S}\n`);
  writeFileSync(join(rtc, "wakealarm"), "");
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const helper = spawn(HELPER, [join(folder, "class")]);
    socket.pipe(helper.stdin);
    helper.stdout.pipe(socket);
  });
  await new Promise<void>((resolve) => void server.listen(join(folder, "wake-alarm.sock"), resolve));
  return {
    alarm: rtcAlarm({ runtimeDir: folder, clock }),
    nowUs: () => clock.wallUs(),
    setUs: () => {
      const at = Number(readFileSync(join(rtc, "wakealarm"), "utf8"));
      return at === 0 ? undefined : (at - LOCAL_S) * 1e6;
    },
    remove: () => rmSync(rtc, { recursive: true }),
    close: async () => void server.close(),
  };
});
