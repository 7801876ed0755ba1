import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { signedText } from "../../../../agent/commands/canonical.ts";
import { readRequest } from "../../../../agent/commands/request.ts";
import { COMMAND_LIFE_MS, type CommandBook } from "../../../../agent/companion/commands/command-book.ts";
import { isSignedBy, keyObjectOf } from "../../../../agent/core/public-key.ts";
import { FakeOutside } from "../../../fakes/companion/parts.ts";

const OF = { user: "anna", thing: "truck-7" };
const KEY = "key-0123456789abcdef";
const counted = z.looseObject({ counter: z.int(), id: z.string() });

describe("the book of commands", () => {
  let outside: FakeOutside;
  let book: CommandBook;
  beforeEach(() => {
    outside = new FakeOutside();
    book = outside.book();
  });
  const begun = async (key = KEY, of = OF) => {
    const state = await book.begin(of, "lock", key);
    if (state === "key-reused") throw new Error(state);
    return state;
  };
  const isOver = (): void => outside.clock.advance(COMMAND_LIFE_MS + 10_001);

  it("sends a request that a vehicle reads, and whose signature it verifies", async () => {
    const { id, status } = await begun();
    const [sent] = outside.road.sent;
    expect({ status, thing: sent?.thing, id: sent?.id }).toEqual({ status: "sent", thing: "truck-7", id });
    const reply = { channel: "companion", request: id, format: "json" } as const;
    const payload = new TextEncoder().encode(sent?.payload);
    const read = readRequest({ id, payload, format: "json", reply, restOfLifeMs: undefined }, 4096);
    if (read.kind !== "request") throw new Error(read.description);
    const { request } = read;
    const nowMs = outside.clock.wallUs() / 1000;
    expect(request).toMatchObject({ id, thing: "truck-7", action: "doors.lock", arguments: {} });
    expect([request.notBeforeMs, request.expiresAtMs]).toEqual([nowMs - 5000, nowMs + COMMAND_LIFE_MS]);
    const { notBeforeMs = 0, expiresAtMs = 0, counter = 0 } = request;
    const fields = { id, thing: "truck-7", action: request.action, arguments: {}, notBeforeMs, expiresAtMs, counter };
    const key = keyObjectOf(outside.pinned.publicKey);
    expect(isSignedBy(key, signedText(fields), request.signature?.value ?? "")).toBe(true);
    expect(request.signature?.key).toBe("companion");
    expect(sent?.expirySeconds).toBe(30);
  });

  it("sends the very same again for the same key, and only while nothing is known", async () => {
    const first = await begun();
    outside.clock.advance(1000);
    const again = await begun();
    expect(again.id).toBe(first.id);
    expect(outside.road.sent.map(({ payload }) => payload)).toHaveLength(2);
    expect(new Set(outside.road.sent.map(({ payload }) => payload)).size).toBe(1);
    expect(outside.road.sent.map(({ expirySeconds }) => expirySeconds)).toEqual([30, 29]);
    outside.answers.put("truck-7", first.id, { status: "IN_PROGRESS" });
    expect(await begun()).toMatchObject({ status: "in-progress" });
    expect(outside.road.sent).toHaveLength(2);
  });

  it("takes a key for one action alone", async () => {
    await begun();
    expect(await book.begin(OF, "unlock", KEY)).toBe("key-reused");
    expect(outside.road.sent).toHaveLength(1);
  });

  it("keeps the commands of people and vehicles apart, though their keys are equal", async () => {
    const ids = [
      await begun(),
      await begun(KEY, { ...OF, user: "bob" }),
      await begun(KEY, { ...OF, thing: "truck-8" }),
    ];
    expect(new Set(ids.map(({ id }) => id)).size).toBe(3);
    expect(await book.look({ ...OF, user: "bob" }, ids[0]?.id ?? "")).toBeUndefined();
    expect(await book.look({ ...OF, thing: "truck-8" }, ids[0]?.id ?? "")).toBeUndefined();
  });

  it("does not ask a vehicle that sleeps, and says so for good", async () => {
    outside.facts.state = "asleep";
    expect(await begun()).toMatchObject({ status: "ended", final: { kind: "asleep" } });
    outside.facts.state = "online";
    expect(await begun()).toMatchObject({ status: "ended", final: { kind: "asleep" } });
    expect(outside.road.sent).toEqual([]);
    expect(await begun("another-key-0123456789")).toMatchObject({ status: "sent" });
  });

  it("says that a moving vehicle refused, by the words of its safety gate", async () => {
    const { id } = await begun();
    const description = "speed < 3.0 is not true: speed = 30";
    outside.answers.put("truck-7", id, { status: "REJECTED", reason: { code: "PRECONDITION_FAILED", description } });
    expect(await book.look(OF, id)).toMatchObject({
      status: "ended",
      final: { kind: "moving", code: "PRECONDITION_FAILED" },
    });
  });

  it.each([
    ["PRECONDITION_FAILED", "VehicleMotion.Speed was never received", "refused"],
    ["PRECONDITION_FAILED", "door = 1 is not true: door = 2, overspeed = 1", "refused"],
    ["PRECONDITION_FAILED", "speed < 3.0 is not true: door = 1, speed = 9", "moving"],
    ["PRECONDITION_FAILED", "speed < 0.1 is not true: speed = 0.5, door = 1", "moving"],
    ["PRECONDITION_FAILED", "parkingBrake == 1.0 is not true: speed = 2, parkingBrake = 0", "refused"],
    ["PRECONDITION_FAILED", "speed < 3.0 && parked == 1.0 is not true: speed = 0, parked = 0", "refused"],
    ["BUSY", "too many run", "refused"],
    ["ACCESS_DENIED", "no rule", "refused"],
  ])("makes of %s (%s): %s", async (code, description, kind) => {
    const { id } = await begun();
    outside.answers.put("truck-7", id, { status: "REJECTED", reason: { code, description } });
    expect((await book.look(OF, id))?.final?.kind).toBe(kind);
  });

  it("gives up when the command can no longer act, and shows what comes after that beside it", async () => {
    const { id } = await begun();
    outside.clock.advance(COMMAND_LIFE_MS + 10_000);
    expect(await book.look(OF, id)).toMatchObject({ status: "sent" });
    outside.clock.advance(1);
    expect(await book.look(OF, id)).toMatchObject({ final: { kind: "no-answer" } });
    outside.answers.put("truck-7", id, { status: "SUCCEEDED" });
    expect(await book.look(OF, id)).toMatchObject({ final: { kind: "no-answer" }, late: { kind: "succeeded" } });
    expect(outside.road.sent).toHaveLength(1);
  });

  it("says what was not sent, and does not say so of what may have been", async () => {
    outside.road.outcome = "not-sent";
    expect(await begun()).toMatchObject({ final: { kind: "not-sent" } });
    outside.road.outcome = "unknown";
    expect(await begun("unknown-key-0123456789")).toMatchObject({ status: "sent" });
    outside.road.outcome = "not-sent";
    expect(await begun("unknown-key-0123456789")).toMatchObject({ status: "sent" });
  });

  it("gives no counter twice, and begins at the time", async () => {
    const startMs = outside.clock.wallUs() / 1000;
    const books = [outside.book(), outside.book()];
    await Promise.all(
      Array.from({ length: 40 }, (_, at) => books[at % 2]?.begin(OF, "lock", `key-number-${at}-0123456`)),
    );
    const counters = outside.road.sent.map(({ payload }) => counted.parse(JSON.parse(payload)).counter);
    expect(counters.toSorted((left, right) => left - right)).toEqual(counters.map((_, at) => startMs + at));
  });

  it("has one command a key and one final answer a command, whatever comes in whichever order to whichever backend", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("begin" as const), key: fc.nat(2), at: fc.nat(1) }),
      fc.record({
        kind: fc.constant("answer" as const),
        key: fc.nat(2),
        status: fc.constantFrom("IN_PROGRESS" as const, "SUCCEEDED" as const, "FAILED" as const),
      }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 30_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const shared = new FakeOutside();
        const books = [shared.book(), shared.book()];
        const keys = [0, 1, 2].map((key) => `property-key-${key}-01234`);
        const ids = new Map<number, string>();
        const ends = new Map<string, unknown>();
        for (const one of steps) {
          if (one.kind === "wait") shared.clock.advance(one.ms);
          if (one.kind === "answer") {
            const id = ids.get(one.key);
            if (id !== undefined) shared.answers.put("truck-7", id, { status: one.status });
          }
          if (one.kind === "begin") {
            // Both backends at once: a double click.
            const states = await Promise.all(books.map((each) => each.begin(OF, "lock", keys[one.key] ?? "")));
            for (const state of states) {
              if (state === "key-reused") throw new Error(state);
              expect(ids.get(one.key) ?? state.id).toBe(state.id);
              ids.set(one.key, state.id);
            }
          }
          for (const id of ids.values()) {
            const state = await books[0]?.look(OF, id);
            if (ends.has(id)) expect(state?.final).toEqual(ends.get(id));
            else if (state?.final !== undefined) ends.set(id, state.final);
          }
        }
        const payloads = Map.groupBy(shared.road.sent, ({ id }) => id);
        for (const sent of payloads.values()) expect(new Set(sent.map(({ payload }) => payload)).size).toBe(1);
      }),
      { seed: 15, numRuns: 200 },
    );
  });

  it("logs each end once, whoever looks, and names neither person nor thing", async () => {
    const { id } = await begun();
    const code = "PRECONDITION_FAILED";
    outside.answers.put("truck-7", id, { status: "REJECTED", reason: { code, description: "x" } });
    await Promise.all([outside.book(), outside.book(), book].map((each) => each.look(OF, id)));
    const lines = outside.log.entries.filter(({ event }) => event === "companion.command-ended");
    expect(lines.map(({ facts }) => facts)).toMatchObject([{ command: id, action: "lock", end: "refused", code }]);
    expect(JSON.stringify(outside.log.entries)).not.toMatch(/anna|truck-7/);
  });

  it("waits for its end, and then ends by itself", async () => {
    const { id } = await begun();
    isOver();
    expect((await outside.book().look(OF, id))?.final?.kind).toBe("no-answer");
  });
});
