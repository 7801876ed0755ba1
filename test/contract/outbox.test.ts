import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../agent/core/errors.ts";
import { type Outbox, STREAMS, type StreamName } from "../../agent/ports/outbox.ts";
import { openOutbox } from "../../drivers/sqlite/outbox/outbox.ts";
import { StandbyOutbox } from "../../drivers/sqlite/outbox/standby-outbox.ts";
import { ManualClock } from "../fakes/core/clock.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { FakeOutbox } from "../fakes/ports/outbox.ts";
import { outboxContract } from "./outbox.suite.ts";
import { draftOf, type OutboxSubject } from "./outbox-subject.ts";

const BOOT_ID = "0123456789abcdef0123456789abcdef";

function openReal(maxBytes: number, clock: ManualClock): OutboxSubject {
  const folder = mkdtempSync(join(tmpdir(), "causeway-outbox-"));
  const { outbox } = openOutbox({
    file: join(folder, "outbox.db"),
    maxBytes,
    bootId: BOOT_ID,
    clock,
    log: new MemoryLog(),
    sizes: { logBytes: 65_536, reserveBytes: 0 },
  });
  return {
    outbox,
    end: () => {
      outbox.close();
      rmSync(folder, { recursive: true });
    },
  };
}

outboxContract("SQLite", openReal);
outboxContract("standby, disk gone", (maxBytes, clock) => {
  const openDisk = (): Outbox => {
    throw new AgentError("outbox.unavailable", { what: "no disk", remedy: "mount it" });
  };
  const memory = { memoryBytes: maxBytes, bootId: BOOT_ID, standbyFiles: [] };
  const outbox = new StandbyOutbox({ openDisk, ...memory, clock, log: new MemoryLog() });
  return { outbox, end: () => outbox.close() };
});
outboxContract("fake", (maxBytes, clock) => ({
  outbox: new FakeOutbox({ clock, maxBytes }),
  end: () => undefined,
}));

type Step =
  | { readonly kind: "append"; readonly drafts: readonly (readonly [StreamName, number])[] }
  | { readonly kind: "ack" | "rejected" | "expired" | "hold" | "release" | "drop"; readonly pick: number }
  | { readonly kind: "report"; readonly max: number };

const stream = fc.constantFrom(...STREAMS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      drafts: fc.array(fc.tuple(stream, fc.integer({ min: 0, max: 400 })), { minLength: 1, maxLength: 4 }),
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
      return JSON.stringify(outbox.append(one.drafts.map(([of, bytes]) => draftOf(of, bytes))));
    if (one.kind === "report") return `${outbox.reportLosses((loss) => draftOf("event", loss.last % 40), one.max)}`;
    const rows = outbox.list(undefined, 1000).map(({ row }) => row);
    const row = rows[one.pick % Math.max(1, rows.length)] ?? 0;
    switch (one.kind) {
      case "ack":
        outbox.ack([row]);
        return "";
      case "hold":
        return `${outbox.hold(row)}`;
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
  it("give the same results and leave the same records, totals and losses", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const clock = new ManualClock();
        const real = openReal(2000, clock);
        try {
          const fake = new FakeOutbox({ clock, maxBytes: 2000, epoch: real.outbox.stats().epoch });
          for (const one of steps) {
            expect(run(real.outbox, one)).toBe(run(fake, one));
            expect(real.outbox.stats()).toEqual(fake.stats());
            expect(real.outbox.lossCounts()).toEqual(fake.lossCounts());
          }
          expect(real.outbox.list(undefined, 1000)).toEqual(fake.list(undefined, 1000));
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
      { seed: 20_261_123, numRuns: 40 },
    );
  });
});
