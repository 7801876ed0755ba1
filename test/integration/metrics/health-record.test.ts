import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { until } from "../../bench/core/wait.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";
import { encoderOf, idOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const PROTO = join(import.meta.dirname, "../../../config/proto");
const T0 = 1_767_225_600_000_000;

describe("a health record", () => {
  it("is read by protoc with nothing but the .proto", () => {
    const name = "causeway_records_lost";
    const labels = { cause: "evicted", stream: "event" };
    const grown = { name, labels, value: 7, delta: 0.5 };
    const level = { name: "causeway_clock_error_seconds", labels: {}, value: -2.25, delta: undefined };
    const report = { startUs: T0 - 9, number: 3, periodMs: 60_000, samples: [grown, level], timeUs: T0 };
    const [draft] = encoderOf(tableOf([])).health(report);
    const source = ["-I", PROTO, join(PROTO, "telemetry.proto"), "--decode=causeway.v1.Record"];
    const text = execFileSync("protoc", source, { input: draft?.seal(idOf(1, "event")), encoding: "utf8" });
    expect(text.slice(text.indexOf("health {"))).toBe(`health {
  start_us: ${T0 - 9}
  number: 3
  period_ms: 60000
  samples {
    name: "causeway_records_lost"
    labels {
      key: "cause"
      value: "evicted"
    }
    labels {
      key: "stream"
      value: "event"
    }
    value: 7
    delta: 0.5
  }
  samples {
    name: "causeway_clock_error_seconds"
    value: -2.25
  }
  parts: 1
  time_us: ${T0}
}
`);
  });

  it("is kept while nobody can be reached, with what the agent counted until its stop", async () => {
    const home = await daemonHome((settings) => Object.assign(settings, { metrics: { health: { minutes: 1 } } }));
    const daemon = await startDaemon(home);
    await until(async () => ((await daemon.status()).buses[0]?.received === 200 ? true : undefined), {
      what: "the log is played",
      timeoutMs: 20_000,
    });
    await daemon.child.stop(20_000);
    const { outbox } = openOutbox({
      file: join(home.folder, "state", "outbox.db"),
      maxBytes: 5_000_000,
      clock: new ManualClock(),
      log: new MemoryLog(),
    });
    const rows = outbox.read("event", 0, outbox.lastRow(), 1000, 10_000_000);
    outbox.close();
    const reader = createRecordReader(readDescriptor());
    const bodies = rows.map(({ payload }) => reader.decode(payload).body);
    const reports = bodies.flatMap((body) => (body.kind === "health" ? [body] : []));
    expect(reports).toMatchObject([{ number: 1, part: 0, parts: 1 }]);
    const frames = { name: "causeway_bus_frames", labels: { bus: "can0" }, value: 200, delta: 200 };
    expect(reports[0]?.samples).toContainEqual(frames);
    expect(reports[0]?.samples.filter(({ name }) => name === "causeway_mqtt_state")).toHaveLength(1);
  });
});
