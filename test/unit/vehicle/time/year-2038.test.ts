import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { validityFault } from "../../../../agent/core/validity.ts";
import { isExpired, messageExpirySecondsOf } from "../../../../agent/telemetry/publish/record-publication.ts";
import { createRecordReader } from "../../../../agent/telemetry/record/read/record-reader.ts";
import { ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";
import { openOutbox } from "../../../../drivers/sqlite/outbox/outbox.ts";
import { draftOf } from "../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { encoderOf, idOf, logOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const DAY_MS = 86_400_000;
const table = tableOf([{ name: "A", signals: [{ name: "U8", bits: 8 }] }]);

describe.each([
  ["2038-01-19T03:14:08Z, one second beyond 31 bits", Date.UTC(2038, 0, 19, 3, 14, 8)],
  ["2040-01-01", Date.UTC(2040, 0, 1)],
  ["2106-02-07T06:28:16Z, one second beyond 32 bits", Date.UTC(2106, 1, 7, 6, 28, 16)],
])("at %s", (_name, wallMs) => {
  it("records of samples keep their times", () => {
    const timesUs = [wallMs * 1000 - 1_000_001, wallMs * 1000, wallMs * 1000 + 1];
    const samples = timesUs.map((timeUs, raw) => ({ signal: 0, timeUs, raw }));
    const [draft] = encoderOf(table).samples(logOf(table, samples), []);
    const { body } = createRecordReader(readDescriptor()).decode(draft.seal(idOf(1)));
    expect(body.kind === "samples" ? body.columns[0]?.timesUs : undefined).toEqual(timesUs);
  });

  it("the outbox keeps a record for its life, and the broker is told what is left of it", () => {
    const clock = new ManualClock({ wallUs: wallMs * 1000 });
    const file = join(temporaryFolder(), "outbox.db");
    const sizes = { logBytes: 65_536, reserveBytes: 0 };
    const about = { file, maxBytes: 1_000_000, bootId: "0123456789abcdef0123456789abcdef", sizes };
    const { outbox } = openOutbox({ ...about, clock, log: new MemoryLog() }, undefined, {});
    outbox.append([draftOf("event", 10, { lifeMs: 30 * DAY_MS })]);
    const all = Number.MAX_SAFE_INTEGER;
    const [record] = outbox.read("event", 0, all, 1, all);
    outbox.close();
    expect(record).toMatchObject({ storedAtUs: wallMs * 1000, expiresAtMs: wallMs + 30 * DAY_MS });
    clock.advance(29 * DAY_MS);
    expect(isExpired(record, clock, 90 * DAY_MS)).toBe(false);
    expect(messageExpirySecondsOf(record, clock, 90 * DAY_MS)).toBe(86_400);
    clock.advance(DAY_MS);
    expect(isExpired(record, clock, 90 * DAY_MS)).toBe(true);
  });

  it("certificates are judged by the day, and a step to it is one", () => {
    const iso = (ms: number) => new Date(ms).toISOString();
    const life = { notBefore: iso(wallMs - DAY_MS), notAfter: iso(wallMs + DAY_MS) };
    const clock = new ManualClock({ wallUs: (wallMs - 2 * DAY_MS) * 1000 });
    const steps = new ClockSteps(clock);
    const seenMs: number[] = [];
    steps.onLook(({ steppedMs }) => seenMs.push(steppedMs));
    expect(validityFault("it", life, clock)?.code).toBe("identity.certificate-not-yet-valid");
    clock.stepWall(2 * DAY_MS * 1000);
    expect(validityFault("it", life, clock)).toBeUndefined();
    expect(steps.sinceStepMs()).toBe(0);
    expect(seenMs).toEqual([2 * DAY_MS]);
    clock.stepWall(2 * DAY_MS * 1000);
    expect(validityFault("it", life, clock)?.code).toBe("identity.certificate-expired");
  });
});
