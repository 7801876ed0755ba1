import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../agent/core/errors.ts";
import { type Outbox, STREAMS, type StreamName } from "../../agent/ports/outbox.ts";
import { openOutbox } from "../../drivers/sqlite/outbox/outbox.ts";
import { RestCipher } from "../../drivers/sqlite/outbox/rest-cipher.ts";
import { StandbyOutbox } from "../../drivers/sqlite/outbox/standby-outbox.ts";
import { ManualClock } from "../fakes/core/clock.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { FakeOutbox } from "../fakes/ports/outbox.ts";
import { outboxContract } from "./outbox.suite.ts";
import { draftOf, type OutboxSubject, thinForTest } from "./outbox-subject.ts";

const BOOT_ID = "0123456789abcdef0123456789abcdef";

function openReal(maxBytes: number, clock: ManualClock, cipher?: RestCipher): OutboxSubject {
  const folder = mkdtempSync(join(tmpdir(), "causeway-outbox-"));
  const { outbox } = openOutbox(
    {
      file: join(folder, "outbox.db"),
      maxBytes,
      bootId: BOOT_ID,
      clock,
      log: new MemoryLog(),
      sizes: { logBytes: 65_536, reserveBytes: 0 },
    },
    undefined,
    { thin: thinForTest, cipher },
  );
  return {
    outbox,
    end: () => {
      outbox.close();
      rmSync(folder, { recursive: true });
    },
  };
}

outboxContract("SQLite", openReal);
outboxContract("SQLite, encrypted", (maxBytes, clock) => {
  return openReal(maxBytes, clock, new RestCipher(randomBytes(32), true));
});
outboxContract("standby, disk gone", (maxBytes, clock) => {
  const openDisk = (): Outbox => {
    throw new AgentError("outbox.unavailable", { what: "no disk", remedy: "mount it" });
  };
  const memory = { memoryBytes: maxBytes, bootId: BOOT_ID, thin: thinForTest, standbyFiles: [] };
  const outbox = new StandbyOutbox({ openDisk, ...memory, clock, log: new MemoryLog() });
  return { outbox, end: () => outbox.close() };
});
outboxContract("fake", (maxBytes, clock) => ({
  outbox: new FakeOutbox({ clock, maxBytes, thin: thinForTest }),
  end: () => undefined,
}));

type Step =
  | { readonly kind: "append"; readonly drafts: readonly (readonly [StreamName, number, number | undefined])[] }
  | { readonly kind: "ack" | "rejected" | "expired" | "hold" | "release" | "drop"; readonly pick: number }
  | { readonly kind: "report"; readonly max: number };

type Draft = readonly [StreamName, number, number | undefined];

const mixed: fc.Arbitrary<Draft> = fc.tuple(
  fc.constantFrom(...STREAMS),
  fc.integer({ min: 0, max: 400 }),
  fc.constant(undefined),
);
/** Small ones, so that enough are there to be thinned before the outbox is full. */
const thinnable: fc.Arbitrary<Draft> = fc.tuple(
  fc.constantFrom("telemetry" as const, "telemetry" as const, "telemetry" as const, "event" as const),
  fc.integer({ min: 15, max: 45 }),
  fc.constantFrom(10, 10, 10, 3, undefined),
);
const stepOf = (draft: fc.Arbitrary<Draft>, appends: number): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: appends,
      arbitrary: fc.record({
        kind: fc.constant("append" as const),
        drafts: fc.array(draft, { minLength: 1, maxLength: 4 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          "ack" as const,
          "rejected" as const,
          "expired" as const,
          "hold" as const,
          "hold" as const,
          "release" as const,
          "drop" as const,
        ),
        pick: fc.nat(1000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("report" as const), max: fc.integer({ min: 1, max: 4 }) }) },
  );

/** Runs one step; what it returned or threw, as text. */
function run(outbox: Outbox, one: Step): string {
  try {
    if (one.kind === "append")
      return JSON.stringify(outbox.append(one.drafts.map(([of, bytes, thin]) => draftOf(of, bytes, { thin }))));
    if (one.kind === "report") return `${outbox.reportLosses((loss) => draftOf("event", loss.last % 40), one.max)}`;
    const stored = outbox.list(undefined, 1000);
    const { row, seq } = stored[one.pick % Math.max(1, stored.length)] ?? { row: 0, seq: 0 };
    switch (one.kind) {
      case "ack":
        outbox.ack([row]);
        return "";
      case "hold":
        return `${outbox.hold(row, seq)}`;
      case "release":
        outbox.release(row);
        return "";
      case "drop":
        return `${outbox.drop(STREAMS[one.pick % STREAMS.length] ?? "event", row, one.pick % 5, "test")}`;
      default:
        outbox.lose([row, row + 1], one.kind, "test");
        return "";
    }
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown.code;
    throw thrown;
  }
}

describe("Outbox, the same steps on SQLite and on the fake", () => {
  it.each([
    { what: "records of all kinds", draft: mixed, appends: 6, maxLength: 60, size: "=" as const },
    { what: "many that can be thinned", draft: thinnable, appends: 20, maxLength: 160, size: "max" as const },
  ])(
    "give the same results and leave the same records, totals and losses: $what",
    ({ draft, appends, maxLength, size }) => {
      const steps = fc.array(stepOf(draft, appends), { minLength: 5, maxLength, size });
      let thinned = 0;
      fc.assert(
        fc.property(steps, (steps) => {
          const clock = new ManualClock();
          const real = openReal(2000, clock);
          try {
            const fake = new FakeOutbox({ clock, maxBytes: 2000, epoch: real.outbox.stats().epoch, thin: thinForTest });
            for (const one of steps) {
              expect(run(real.outbox, one)).toBe(run(fake, one));
              expect(real.outbox.stats()).toEqual(fake.stats());
              expect(real.outbox.lossCounts()).toEqual(fake.lossCounts());
            }
            expect(real.outbox.list(undefined, 1000)).toEqual(fake.list(undefined, 1000));
            expect(real.outbox.backfills()).toBe(fake.backfills());
            thinned += fake.backfills();
            for (const of of STREAMS) {
              const read = (outbox: Outbox): unknown =>
                outbox
                  .read(of, 0, 1e9, 1000, 1e9)
                  .map(({ payload, ...record }) => ({ ...record, payload: [...payload] }));
              expect(read(real.outbox)).toEqual(read(fake));
            }
            const losses: [unknown[], unknown[]] = [[], []];
            [real.outbox, fake].forEach((outbox, at) =>
              outbox.reportLosses((loss) => {
                losses[at === 0 ? 0 : 1].push(loss);
                return draftOf("control", 1);
              }, 1000),
            );
            expect(losses[0]).toEqual(losses[1]);
          } finally {
            real.end();
          }
        }),
        { seed: 20_261_123, numRuns: 40, endOnFailure: true },
      );
      expect(thinned > 20).toBe(draft === thinnable);
    },
  );
});
