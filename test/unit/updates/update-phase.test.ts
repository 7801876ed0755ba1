import { describe, expect, it } from "vitest";
import { phaseOf } from "../../../agent/updates/update-phase.ts";
import { FIRST_STATE } from "../../../agent/updates/update-state.ts";
import { twoArtifacts } from "../../fakes/updates/step-context.ts";

const FACTS = { number: 7, before: undefined, fetchedBytes: 4, timeUs: 5 };

describe("phaseOf", () => {
  it.each([
    ["begins its download", { step: "download", before: undefined }, 0, 0],
    ["gives a download up in the middle", { step: "failed", before: "download" }, 4, 40],
    ["has come past it", { step: "activate", before: "install" }, 10, 100],
  ] as const)("says how far an update is that %s", (_name, { step, before }, bytes, percent) => {
    const record = { ...twoArtifacts(), state: { ...FIRST_STATE, step } };
    expect(phaseOf(record, { ...FACTS, before })).toMatchObject({ phase: step, bytes, totalBytes: 10, percent });
  });

  it("says for whom it is, and why it was given up", () => {
    const { request, ...rest } = twoArtifacts();
    const origin = { kind: "job", jobId: "job-1", executionNumber: 2 } as const;
    const failure = { reason: "unhealthy", detail: "PUBACK" } as const;
    const record = { ...rest, request: { ...request, origin }, state: { ...FIRST_STATE, failure } };
    expect(phaseOf(record, FACTS)).toMatchObject({ job: "job-1", execution: 2, ...failure, number: 7, timeUs: 5 });
    expect(phaseOf(twoArtifacts(), FACTS)).toMatchObject({ job: "", execution: 0, reason: "", detail: "" });
  });
});
