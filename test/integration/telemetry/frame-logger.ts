import { onBench } from "../../../agent/core/clock.ts";
import { composeFrameLog } from "../../../agent/daemon/compose-frame-log.ts";
import { FrameBatch } from "../../../agent/ports/frame.ts";
import { frameLogConfig } from "../../../config/frame-log.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

/**
 * A process that logs 8,000 numbered frames a second to a folder, until it is killed or told to end. After each tick it prints
 * what it gave to the log and what the log says is durable.
 */
const [folder, format] = process.argv.slice(2);
const TICK_MS = 20;
const FRAMES_PER_TICK = 160;

const clock = onBench(systemClock());
const line = composeFrameLog(
  {
    frameLog: frameLogConfig.parse({ folder, format, splitBytes: 500_000, keepFreeBytes: 0 }),
    buses: [{ name: "can0", driver: "socketcan", interface: "can0" }],
  },
  { clock, log: new MemoryLog() },
);
if (line === undefined) throw new Error("no log");
const { log } = line;
const stopping = new AbortController();
const running = log.run(stopping.signal);
const batch = new FrameBatch(FRAMES_PER_TICK);
const data = new Uint8Array(8);
const view = new DataView(data.buffer);
let sent = 0;
const timer = setInterval(() => {
  batch.count = 0;
  for (let index = 0; index < FRAMES_PER_TICK; index += 1) {
    view.setUint32(0, sent);
    batch.push(0x123, 0, data, clock.wallUs());
    sent += 1;
  }
  log.take("can0", batch);
  const { written, dropped } = log.status();
  process.stdout.write(`${JSON.stringify({ sent, written, dropped })}\n`);
}, TICK_MS);
process.once("SIGTERM", () => {
  clearInterval(timer);
  stopping.abort();
  void running.then(() => {
    const { cpuMs, written } = { cpuMs: process.cpuUsage(), written: log.status().written };
    process.stdout.write(`${JSON.stringify({ sent, written, dropped: 0, cpuMs })}\n`);
    process.exit(0);
  });
});
