import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Arrival } from "../../../../agent/consumer/intake/arrival.ts";
import { WaitingRoom } from "../../../../agent/consumer/worker/waiting-room.ts";
import { arrivalOf } from "../../../fakes/consumer/arrivals.ts";

const SEED = 15;

describe("WaitingRoom", () => {
  it("gives what a plain list gives, first come first served, within its bytes", () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 3000 }) },
        { weight: 5, arbitrary: fc.constant("next" as const) },
        { weight: 1, arbitrary: fc.constant("clear" as const) },
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 60_000 }), (all, maxBytes) => {
        const room = new WaitingRoom(maxBytes);
        let model: { arrival: Arrival; sinceMs: number }[] = [];
        for (const [sinceMs, step] of all.entries()) {
          if (step === "clear") {
            room.clear();
            model = [];
          } else if (step === "next") expect(room.next()).toBe(model.shift()?.arrival);
          else {
            const arrival = arrivalOf("topic", new Uint8Array(step));
            const held = [...model, { arrival, sinceMs }];
            const fits = held.reduce((sum, one) => sum + one.arrival.payload.length + 1024, 0) <= maxBytes;
            expect(room.add(arrival, sinceMs)).toBe(fits);
            if (fits) model = held;
          }
          expect(room.size).toBe(model.length);
          expect(room.oldestMs).toBe(model[0]?.sinceMs);
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("keeps the order over many that come and go", () => {
    const room = new WaitingRoom(1e9);
    const arrivals = Array.from({ length: 10_000 }, () => arrivalOf("topic", new Uint8Array(1)));
    const came: unknown[] = [];
    for (const [at, arrival] of arrivals.entries()) {
      room.add(arrival, at);
      if (at % 3 !== 0) came.push(room.next());
    }
    while (room.size > 0) came.push(room.next());
    expect(came).toHaveLength(arrivals.length);
    expect(came.every((arrival, at) => arrival === arrivals[at])).toBe(true);
  });
});
