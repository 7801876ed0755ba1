import { beforeEach, describe, expect, it } from "vitest";
import { HeardFacts } from "../../../../agent/companion/vehicle/heard-facts.ts";
import { createRecordReader } from "../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeBroker } from "../../../fakes/ports/broker.ts";
import { encoderOf, idOf, logOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const table = tableOf([
  { name: "VehicleMotion", signals: [{ name: "Speed", factor: 0.5, unit: "km/h" }, { name: "Other" }] },
]);

describe("what is heard of vehicles", () => {
  let broker: FakeBroker;
  let facts: HeardFacts;
  beforeEach(async () => {
    broker = new FakeBroker({ clock: new ManualClock() });
    facts = new HeardFacts({ broker, reader: createRecordReader(readDescriptor()), log: new MemoryLog() });
    broker.start();
    await facts.open();
  });
  const speak = (kind: string, payload: Uint8Array): void => broker.inject(`dt/causeway/truck-7/${kind}`, payload);
  /** A record of the speed, in rows, which name their signal themselves. */
  const drive = (raw: number, timeUs: number): void => {
    const lane = encoderOf(table).lane({
      schema: table,
      campaign: { id: "c", version: 1, digest: "0".repeat(16) },
      stream: "telemetry",
      form: "rows",
    });
    for (const draft of lane.encode(
      logOf(table, [
        { signal: 0, timeUs, raw },
        { signal: 1, timeUs, raw },
      ]),
      [],
    )) {
      speak("telemetry", draft.seal(idOf(1)));
    }
  };

  it("is nothing at first", async () => {
    expect(await facts.presence("truck-7")).toBeUndefined();
    expect(await facts.latest("truck-7")).toEqual([]);
  });

  it("is the newest presence that can be read", async () => {
    const say = (text: string): void => speak("presence", new TextEncoder().encode(text));
    say('{"state":"online","at":"2026-01-01T00:00:00.000Z"}');
    say('{"state":"flying","at":"2026-01-01T00:00:00.000Z"}');
    say("{");
    expect(await facts.presence("truck-7")).toEqual({ state: "online", at: "2026-01-01T00:00:00.000Z" });
    expect(await facts.presence("truck-8")).toBeUndefined();
  });

  it("is the newest value of what the page shows, whatever comes late or is no record", async () => {
    drive(20, 2_000_000);
    drive(90, 1_000_000);
    speak("telemetry", new TextEncoder().encode("no record"));
    expect(await facts.latest("truck-7")).toEqual([
      { signal: "VehicleMotion.Speed", value: 10, unit: "km/h", timeMs: 2000 },
    ]);
  });
});
