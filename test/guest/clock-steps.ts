import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Clock } from "../../agent/core/clock.ts";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { Appender } from "../../agent/telemetry/appender.ts";
import { Pipeline } from "../../agent/telemetry/pipeline.ts";
import type { DecodedRecord } from "../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { FakeOutbox } from "../fakes/ports/outbox.ts";
import { ruleLine } from "../fakes/telemetry/rule-collector.ts";
import { encoderOf } from "../fakes/telemetry/samples.ts";
import { tableOf } from "../fakes/telemetry/table.ts";

const run = promisify(execFile);

/** When a frame was sent: between these times of the clock that nobody sets, ms. */
type Sent = { readonly afterMs: number; readonly beforeMs: number };

/** A pipeline on a real bus of the kernel, which hears what it sends; and the truth beside it. */
export async function recordedDrive(clock: Clock, interfaceName: string) {
  const log = new MemoryLog();
  const bus = createNativeBus(
    { name: "can0", interface: interfaceName, receiveBufferBytes: 1_000_000, ringFrames: 4096, filters: EVERY_FRAME },
    { clock, log },
  );
  const table = tableOf([{ name: "Truth", signals: [{ name: "Number" }] }]);
  const outbox = new FakeOutbox({ clock, maxBytes: 10_000_000 });
  const encoder = encoderOf(table, {}, undefined, clock);
  const appender = new Appender({ outbox, clock, log, holdBytes: 1e6, wake: () => undefined });
  const parts = { table, rules: [], batchSamples: 1000, encoder, appender, clock: encoder.stamps };
  const pipeline = new Pipeline({ table, ...ruleLine(parts), encoder, appender, takers: {}, clock, batchMs: 250 });
  pipeline.start();
  await bus.start(pipeline.sinkFor(bus));
  const sent: Sent[] = [];
  return {
    sent,
    /** Sends so many frames, each with a value that differs from that of the one before. */
    drive: async (frames: number): Promise<void> => {
      for (let count = 0; count < frames; count += 1) {
        const afterMs = clock.boottimeMs();
        const data = Uint8Array.of(sent.length % 250);
        await bus.send({ id: 0x100, flags: 0, data, receivedAtUs: 0 });
        sent.push({ afterMs, beforeMs: clock.boottimeMs() });
        await clock.sleep(5);
      }
    },
    /** Sets the clock of the machine, s since the Unix epoch. */
    set: async (seconds: number): Promise<void> => {
      await run("date", [`--set=@${seconds.toFixed(3)}`]);
    },
    records: async (): Promise<readonly DecodedRecord[]> => {
      await clock.sleep(200);
      await bus.stop();
      pipeline.stop();
      const reader = createRecordReader(readDescriptor());
      const stored = outbox.read("telemetry", 0, outbox.lastRow(), 10_000, 1e8);
      return stored.map(({ payload }) => reader.decode(payload));
    },
  };
}
