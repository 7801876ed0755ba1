import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { keptCount } from "../../../agent/daemon/code-records.ts";
import { type CodesComposeParts, composeCodes } from "../../../agent/daemon/compose-codes.ts";
import { composeRecordSinks } from "../../../agent/daemon/compose-record-sinks.ts";
import { ActiveCodes } from "../../../agent/telemetry/active-codes.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { KnownPosition } from "../../../agent/telemetry/known-position.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { diagnosticsConfig } from "../../../config/diagnostics.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { noJournal } from "../../../drivers/sqlite/journal/no-journal.ts";
import { FakeSignals } from "../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const ENGINE = { bus: "can0", ecu: "engine", protocol: "obd" } as const;
const P0301 = { code: "P0301", raw: 0x0301 };
const table = tableOf([{ name: "VDHR", signals: [{ name: "Total", unit: "km", spn: 917, bits: 32 }] }]);
const settings = diagnosticsConfig.parse({ buses: [{ bus: "can0" }] });
const reader = createRecordReader(readDescriptor());

/** An agent whose outbox and journal stay over restarts. */
function rig() {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const outbox = new FakeOutbox({ clock });
  const journal = new FakeJournal({ clock });
  const fake = new FakeSignals(table);
  const activeCodes = new ActiveCodes();
  const position = new KnownPosition();
  const start = (kept: CodesComposeParts["journal"] = journal) => {
    const appender = new Appender({ outbox, clock, log, holdBytes: 1_000_000, wake: () => undefined });
    const records = composeRecordSinks({ encoder: encoderOf(table), appender, outbox, auditBytes: 0 });
    const line = { records, outbox, vehicle: fake, activeCodes, position };
    return composeCodes({ settings, line, journal: kept }, { clock, log });
  };
  const bodies = () =>
    outbox.read("event", 0, outbox.lastRow(), 1000, 1e9).map(({ payload }) => reader.decode(payload).body);
  const timeUs = clock.wallUs();
  const reading = { origin: ENGINE, list: "confirmed", codes: [P0301], timeUs } as const;
  return { clock, log, outbox, fake, activeCodes, position, start, bodies, reading };
}

describe("trouble codes of an agent", () => {
  it("are records with the distance travelled, each once over restarts, and known to campaigns", () => {
    const { outbox, fake, activeCodes, start, bodies, reading } = rig();
    fake.set("VDHR.Total", 1234, 5);
    start().tracker.take([reading]);
    const again = start();
    again.tracker.take([reading]);
    again.tracker.take([{ ...reading, codes: [] }]);
    expect(bodies()).toMatchObject([
      {
        kind: "trouble-code",
        number: 1,
        event: "appeared",
        isRepeated: false,
        code: { code: "P0301", odometerKm: 1234 },
      },
      { kind: "trouble-code", number: 2, event: "healed", isRepeated: false },
    ]);
    expect(keptCount(outbox.kept(), "trouble-codes/number")).toBe(2);
    again.tracker.take([reading]);
    expect(activeCodes.names()).toEqual(["P0301"]);
  });

  it("say where the vehicle was, where that is known", () => {
    const { start, bodies, position, reading } = rig();
    const { tracker } = start();
    const where = { latitude: 48.1, longitude: 11.5, accuracy: 3, timeUs: 7 };
    position.use(() => where);
    tracker.take([reading]);
    position.use(() => undefined);
    tracker.take([{ ...reading, codes: [] }]);
    expect(bodies()).toMatchObject([
      { event: "appeared", position: where },
      { event: "healed", position: undefined },
    ]);
  });

  it("are not told again where the outbox had the event and the journal did not know it yet", () => {
    const { start, bodies, reading, clock } = rig();
    const journal = new FakeJournal({ clock });
    const fault = new AgentError("journal.unavailable", { what: "the disk is gone", remedy: "look at it" });
    // The event is in the outbox, and what waits for it is not forgotten.
    const handedOver: CodesComposeParts["journal"] = {
      get: (...given) => journal.get(...given),
      list: (space) => journal.list(space),
      atomically: (work) => journal.atomically(work),
      put: (documents) => {
        if (documents.every(({ value }) => value === undefined)) throw fault;
        journal.put(documents);
      },
    };
    start(handedOver).tracker.take([reading]);
    expect(journal.list("trouble-code-event")).toHaveLength(1);
    start(journal);
    expect(bodies()).toHaveLength(1);
    expect(journal.list("trouble-code-event")).toEqual([]);
  });

  it("are reported each day, also over a restart", async () => {
    const { clock, start, bodies, reading } = rig();
    const run = async (hours: number): Promise<void> => {
      const made = start();
      made.tracker.take([reading]);
      const [service] = made.part.services ?? [];
      await service?.start();
      await clock.run(hours * 3_600_000);
      await service?.stop();
    };
    await run(1);
    await run(1);
    const reports = bodies().filter(({ kind }) => kind === "trouble-code-report");
    expect(reports).toMatchObject([{ reason: "day", codes: [{ code: "P0301" }], part: 0, parts: 1 }]);
  });

  it("are tracked in memory where the journal cannot be read", () => {
    const { log, start, bodies, reading } = rig();
    const fault = new AgentError("journal.unavailable", { what: "the disk is gone", remedy: "look at it" });
    const { tracker } = start(noJournal(fault));
    tracker.take([reading]);
    tracker.take([reading]);
    expect(bodies()).toMatchObject([{ number: 1, event: "appeared" }]);
    expect(log.of("codes.not-kept")).toHaveLength(1);
    start(noJournal(fault)).tracker.take([reading]);
    expect(bodies()).toMatchObject([{ number: 1 }, { number: 2, event: "appeared" }]);
  });
});
