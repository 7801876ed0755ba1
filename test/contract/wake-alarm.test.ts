import { ManualClock } from "../fakes/core/clock.ts";
import { FakeWakeAlarm } from "../fakes/ports/wake-alarm.ts";
import { wakeAlarmContract } from "./wake-alarm.suite.ts";

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
