import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import { LEAST_ALARM_MS, MOST_ALARM_MS, type WakeAlarm } from "../../agent/ports/wake-alarm.ts";

/** The helper is a script that writes one file; starting it takes an emulated machine a second, and a busy one ten. */
const ANSWER_MS = 30_000;
/** Its answer is one short line. */
const MOST_ANSWER = 200;

/** `runtimeDir` holds the socket of causeway-wake-alarm.socket. */
export type RtcAlarmParts = { readonly runtimeDir: string; readonly clock: Clock };

/**
 * The alarm of the machine's RTC (Documentation/ABI/testing/sysfs-class-rtc: wakealarm), which root alone may set: asked for by the
 * package's socket, over which nothing goes but the number of seconds until it goes off. The RTC counts them itself, so that it may
 * be wrong, or go by local time.
 */
export function rtcAlarm({ runtimeDir, clock }: RtcAlarmParts): WakeAlarm {
  const socket = join(runtimeDir, "wake-alarm.sock");
  const ask = (seconds: number): Promise<void> => askHelper(socket, seconds, clock);
  return {
    set: async (atUs) => {
      const aheadMs = Math.max(LEAST_ALARM_MS, (atUs - clock.wallUs()) / 1000);
      if (!(aheadMs <= MOST_ALARM_MS))
        throw unavailable(`an alarm in ${Math.round(aheadMs / 1000)} s is too far ahead`);
      await ask(Math.ceil(aheadMs / 1000));
    },
    clear: () => ask(0),
  };
}

async function askHelper(path: string, seconds: number, clock: Clock): Promise<void> {
  const socket = createConnection(path);
  const done = new AbortController();
  const late = clock.sleep(ANSWER_MS, done.signal).then(() => "no answer in time");
  try {
    await once(socket, "connect");
    socket.end(`${seconds}\n`);
    const answer = await Promise.race([answerOf(socket), late]);
    if (answer !== "set") throw unavailable(answer === "" ? "the helper ended without an answer" : answer);
  } catch (thrown) {
    throw thrown instanceof AgentError ? thrown : unavailable(messageOf(thrown), thrown);
  } finally {
    done.abort();
    socket.destroy();
  }
}

async function answerOf(socket: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of socket) {
    text += chunk.toString("utf8");
    if (text.length > MOST_ANSWER) break;
  }
  return text.slice(0, MOST_ANSWER).trim();
}

function unavailable(why: string, cause?: unknown): AgentError {
  return new AgentError("alarm.unavailable", {
    what: `no alarm of the RTC: ${why}`,
    remedy:
      "see: systemctl status causeway-wake-alarm.socket, and cat /sys/class/rtc/rtc*/wakealarm; an RTC without that file cannot wake, one whose time is not set needs hwclock --systohc",
    cause,
  });
}
