import { describe, expect, it } from "vitest";
import { CodeReaders } from "../../../agent/diagnostics/codes/code-readers.ts";
import { codesHandlers } from "../../../agent/local-api/codes-handlers.ts";
import { watchCodes } from "../../../agent/local-api/codes-schema.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { CodeVehicle } from "../../fakes/diagnostics/code-vehicle.ts";

const ENGINE = { bus: "can0", ecu: "engine", protocol: "obd" } as const;
const P0301 = { code: "P0301", raw: 0x0301 };

function agent(mayClear: boolean) {
  const vehicle = new CodeVehicle();
  const { tracker } = vehicle;
  const readers = new CodeReaders();
  const acts: string[] = [];
  const act = async (): Promise<undefined> => void acts.push("cleared");
  readers.add({ origin: ENGINE, read: async () => undefined, clear: act });
  const log = new MemoryLog();
  const handlers = codesHandlers({ tracker, readers, mayClear: () => mayClear, log });
  return { vehicle, acts, log, admin: servedOn("admin", handlers), view: servedOn("view", handlers) };
}

describe("the verbs of trouble codes", () => {
  it("clear nothing on a bus where technicians may not", async () => {
    const { admin, acts, log } = agent(false);
    const answer = await admin["codes.clear"]?.({ verb: "codes.clear" }, new AbortController().signal);
    expect(answer).toMatchObject({
      units: [
        {
          ecu: "engine",
          problem: "may not be told to clear its codes: diagnostics.buses[].technician of can0 has no clear",
        },
      ],
    });
    expect([acts, log.entries.length]).toEqual([[], 0]);
  });

  it("let those who only look neither ask nor clear", () => {
    expect(Object.keys(agent(true).view)).toEqual(["codes.list", "codes.watch"]);
  });

  it("tell each event to one who watches, until that ends", async () => {
    const { vehicle, view } = agent(true);
    const end = new AbortController();
    const stream = view["codes.watch"]?.({ verb: "codes.watch" }, end.signal);
    if (stream === undefined || !(Symbol.asyncIterator in Object(stream))) throw new TypeError("no stream");
    const events = watchedOf(stream);
    const first = events.next();
    await Promise.resolve();
    vehicle.read(ENGINE, "pending", [P0301]);
    vehicle.read(ENGINE, "confirmed", [P0301]);
    expect(watchCodes.each.parse((await first).value)).toMatchObject({ number: 1, event: "appeared" });
    expect(watchCodes.each.parse((await events.next()).value)).toMatchObject({ number: 2, event: "confirmed" });
    const last = events.next();
    end.abort();
    expect((await last).done).toBe(true);
  });
});

async function* watchedOf(stream: unknown): AsyncGenerator<unknown> {
  if (!isIterable(stream)) throw new TypeError("no stream");
  yield* stream;
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
