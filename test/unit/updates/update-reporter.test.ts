import { describe, expect, it } from "vitest";
import type { UpdateRequest } from "../../../agent/updates/update-record.ts";
import { FIRST_STATE, type UpdateState } from "../../../agent/updates/update-state.ts";
import { DIGEST, REQUEST, UpdateVehicle } from "../../fakes/updates/update-vehicle.ts";

const JOB: UpdateRequest = { ...REQUEST, origin: { kind: "job", jobId: "job-1", executionNumber: 2 } };

const record = (change: Partial<UpdateState>, request = REQUEST) => ({
  digest: DIGEST,
  versionFrom: "1.3.0",
  request,
  state: { ...FIRST_STATE, ...change },
});

describe("the trail of an update", () => {
  it("tells each phase once, with what is updated, for whom, how far, and why it went back", () => {
    const vehicle = new UpdateVehicle();
    const trail = vehicle.trail(() => ({ bytes: 2 }));
    const failure = { reason: "cancelled", detail: "by the cloud" } as const;
    for (const change of [{}, { starts: 1 }, { step: "failed" as const, failure }]) {
      trail.save(record(change, JOB));
      trail.report();
    }
    const about = {
      digest: DIGEST,
      component: "agent",
      versionFrom: "1.3.0",
      versionTo: "1.4.0",
      job: "job-1",
      execution: 2,
    };
    expect(vehicle.reported).toMatchObject([
      {
        ...about,
        number: 1,
        repeated: false,
        phase: "download",
        reason: "",
        detail: "",
        bytes: 0,
        totalBytes: 5,
        percent: 0,
      },
      { ...about, number: 2, repeated: false, phase: "failed", ...failure, bytes: 2, percent: 40 },
    ]);
    expect(vehicle.reported[1]?.timeUs).toBe(vehicle.clock.wallUs());
    expect(vehicle.journal.list("update-phase")).toEqual([]);
  });

  it("keeps what the outbox does not take over, and says in the next process that it may be a repeat", () => {
    const vehicle = new UpdateVehicle();
    const first = vehicle.trail(() => ({ bytes: 5 }));
    vehicle.isStoring = false;
    first.save(record({}));
    first.report();
    first.save(record({ step: "verify" }));
    first.report();
    expect(vehicle.reported).toEqual([]);
    vehicle.isStoring = true;
    const next = vehicle.trail(() => ({ bytes: 0 }));
    next.save(record({ step: "wait" }));
    next.report();
    next.report();
    expect(vehicle.reported.map(({ number, repeated, phase }) => [number, repeated, phase])).toEqual([
      [1, true, "download"],
      [2, true, "verify"],
      [3, false, "wait"],
    ]);
  });

  it("holds a bounded number of phases that cannot be told, and shows by the numbers how many went", () => {
    const vehicle = new UpdateVehicle();
    vehicle.isStoring = false;
    const trail = vehicle.trail(() => ({ bytes: 0 }));
    for (let at = 0; at < 70; at++) for (const step of ["verify", "wait"] as const) trail.save(record({ step }));
    vehicle.isStoring = true;
    trail.report();
    expect([vehicle.reported.length, vehicle.reported[0]?.number, vehicle.reported.at(-1)?.number]).toEqual([
      100, 41, 140,
    ]);
  });
});
