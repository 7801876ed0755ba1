import { describe, expect, it } from "vitest";
import { TableBook } from "../../../../agent/consumer/intake/table-book.ts";
import type { RecordTable, TableBody } from "../../../../agent/consumer/store/record-table.ts";
import { withPart } from "../../../../agent/consumer/store/record-table.ts";
import { createRecordReader } from "../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";
import { FakeVehicle, VEHICLE } from "../../../fakes/consumer/arrivals.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const WAIT_MS = 5000;
const reader = createRecordReader(readDescriptor());

/** A table of 40 signals in several parts. */
function partsOf(): readonly TableBody[] {
  return new FakeVehicle(1024).tables().flatMap(({ payload }) => {
    const { body } = reader.decode(payload);
    return body.kind === "table" ? [body] : [];
  });
}

function rig({ maxSignals = 1000 } = {}) {
  const clock = new ManualClock();
  const stored = new Map<string, RecordTable>();
  const asked: string[] = [];
  let lookUps = 0;
  let fault: Error | undefined;
  const book = new TableBook({
    settings: { waitMs: WAIT_MS, maxSignals },
    clock,
    sink: {
      table: (thing, id) => {
        lookUps += 1;
        return fault === undefined ? Promise.resolve(stored.get(`${thing} ${id}`)) : Promise.reject(fault);
      },
    },
    ask: (_thing, key) => void asked.push(key),
  });
  const store = (thing: string, parts: readonly TableBody[]): void => {
    for (const part of parts) stored.set(`${thing} ${part.id}`, withPart(stored.get(`${thing} ${part.id}`), part));
  };
  const failWith = (error: Error | undefined): void => {
    fault = error;
  };
  return { clock, book, asked, store, failWith, lookUps: () => lookUps };
}

/** "waits" while a promise has no result. */
async function now<T>(promise: Promise<T>): Promise<T | "waits"> {
  return Promise.race([promise, new Promise<"waits">((resolve) => setImmediate(() => resolve("waits")))]);
}

describe("TableBook", () => {
  it("gives the table when its last part has come, to all that wait, and at once after that", async () => {
    const { book, asked } = rig();
    const parts = partsOf();
    const [{ id }] = parts;
    expect(parts.length).toBeGreaterThan(2);
    const waiting = [book.resolve(VEHICLE, id), book.resolve(VEHICLE, id)];
    expect(await now(waiting[0])).toBe("waits");
    expect(book.waiting).toBe(1);
    for (const part of parts) {
      expect(book.find(VEHICLE, id)).toBeUndefined();
      book.note(VEHICLE, part);
    }
    for (const table of await Promise.all(waiting)) expect(table?.signals.size).toBe(40);
    expect(book.find(VEHICLE, id)?.signals.size).toBe(40);
    expect(book.waiting).toBe(0);
    expect(asked).toContain(`${id}.0`);
    expect(asked).toContain(`${id}.1`);
  });

  it("does not take the table of one thing for another's", async () => {
    const { book, store } = rig();
    const parts = partsOf();
    store("truck-2", parts);
    for (const part of parts) book.note("truck-3", part);
    expect(await now(book.resolve(VEHICLE, parts[0].id))).toBe("waits");
  });

  it("has what another worker has stored, also when it is stored while one waits", async () => {
    const { book, store, clock } = rig();
    const parts = partsOf();
    const waiting = book.resolve(VEHICLE, parts[0].id);
    store(VEHICLE, parts.slice(1));
    await clock.run(1000);
    expect(await now(waiting)).toBe("waits");
    store(VEHICLE, parts);
    await clock.run(1000);
    expect((await waiting)?.signals.size).toBe(40);
  });

  it("gives up after its time, keeps no later record waiting, and finds the table when it is there after all", async () => {
    const { book, store, clock, lookUps } = rig();
    const parts = partsOf();
    const waiting = book.resolve(VEHICLE, parts[0].id);
    await clock.run(WAIT_MS);
    expect(await waiting).toBeUndefined();
    const before = lookUps();
    for (let at = 0; at < 50; at++) expect(await now(book.resolve(VEHICLE, parts[0].id))).toBeUndefined();
    expect(lookUps() - before).toBeLessThanOrEqual(1);
    store(VEHICLE, parts);
    await clock.run(1000);
    expect((await book.resolve(VEHICLE, parts[0].id))?.signals.size).toBe(40);
  });

  it("rejects while the store cannot be asked, and asks anew for the next", async () => {
    const { book, store, failWith } = rig();
    const parts = partsOf();
    failWith(new Error("no store"));
    await expect(book.resolve(VEHICLE, parts[0].id)).rejects.toThrow("no store");
    failWith(undefined);
    store(VEHICLE, parts);
    expect((await book.resolve(VEHICLE, parts[0].id))?.signals.size).toBe(40);
  });

  it("forgets the tables that were not used for longest", () => {
    const { book } = rig({ maxSignals: 100 });
    const parts = partsOf();
    const [{ id }] = parts;
    for (const thing of ["a", "b"]) for (const part of parts) book.note(thing, part);
    expect(book.find("a", id)).toBeDefined();
    for (const part of parts) book.note("c", part);
    expect(["a", "b", "c"].filter((thing) => book.find(thing, id) !== undefined)).toEqual(["a", "c"]);
  });
});
