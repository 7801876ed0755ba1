import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { parseCandump } from "../../../agent/signals/log-formats/candump.ts";
import { fail } from "../core/line-protocol.ts";
import { runSender, type SendingParts } from "../vehicle/sender-process.ts";

const BATCH_FRAMES = 200;
/** Gaps below this are not slept through; frames that fall into one go out together. */
const LEAST_WAIT_MS = 1;
/** Between the last frame of one round and the first of the next. */
const LOOP_PAUSE_MS = 100;
const NOT_SENT = FRAME_FLAG.error | FRAME_FLAG.remote;

/** Sends the frames of the log at their recorded distances, divided by the speed. Lines that are no frame are left out. */
async function replay(parts: SendingParts): Promise<void> {
  const { config, startUs, signal } = parts;
  if (config.replay === undefined) throw new Error("no log to replay");
  const startMs = performance.now() + startUs / 1000 - Date.now();
  await sleep(Math.max(0, startMs - performance.now()));
  do {
    await replayOnce(parts, config.replay.logFile, config.replay.speed);
    if (config.replay.loop) await sleep(LOOP_PAUSE_MS);
  } while (config.replay.loop && !signal.aborted);
}

async function replayOnce({ sender, signal, sent }: SendingParts, logFile: string, speed: number): Promise<void> {
  const file = await open(logFile);
  const beganMs = performance.now();
  let firstUs: number | undefined;
  let batch: CanFrame[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await sender.send(batch);
    sent(batch.length);
    batch = [];
  };
  try {
    for await (const text of file.readLines()) {
      if (signal.aborted) break;
      const line = parseCandump(text);
      if (line.kind !== "frame" || (line.frame.flags & NOT_SENT) !== 0) continue;
      firstUs ??= line.frame.receivedAtUs;
      const dueMs = speed === 0 ? 0 : beganMs + (line.frame.receivedAtUs - firstUs) / 1000 / speed;
      const waitMs = dueMs - performance.now();
      if (waitMs >= LEAST_WAIT_MS || batch.length >= BATCH_FRAMES) await flush();
      if (waitMs >= LEAST_WAIT_MS) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      batch.push(line.frame);
    }
    await flush();
  } finally {
    await file.close();
  }
}

runSender(process.argv[2] ?? "", replay).then(() => process.exit(0), fail);
