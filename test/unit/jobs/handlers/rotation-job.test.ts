import { describe, expect, it } from "vitest";
import { ChangeSignal } from "../../../../agent/core/change-signal.ts";
import { AgentError, type FaultCode } from "../../../../agent/core/errors.ts";
import type { RenewalOutcome, RenewalRequest } from "../../../../agent/identity/renewal.ts";
import { rotationJob } from "../../../../agent/jobs/handlers/rotation-job.ts";
import type { JobDetails } from "../../../../agent/jobs/job.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const DOCUMENT = { version: "1.0", operation: "rotate-certificate" };

function failed(code: FaultCode): RenewalOutcome {
  return { kind: "failed", fault: new AgentError(code, { what: code, remedy: "wait" }) };
}

/** A vehicle with one certificate, and a renewal whose outcomes a test gives. */
function setUp() {
  const clock = new ManualClock();
  const journal = new FakeJournal({ clock });
  const change = new ChangeSignal();
  const certificate = { id: "old", isSettled: true };
  const requests: RenewalRequest[] = [];
  const outcomes: RenewalOutcome[] = [];
  const reports: JobDetails[] = [];
  const [stop, withdrawn] = [new AbortController(), new AbortController()];
  let fault: AgentError | undefined;
  const renewal = {
    request: async (request: RenewalRequest): Promise<RenewalOutcome> => {
      requests.push(request);
      const outcome = outcomes.shift() ?? { kind: "renewed", certificateId: "new" };
      if (outcome.kind === "renewed") certificate.id = outcome.certificateId;
      else fault = outcome.fault;
      return outcome;
    },
    status: () => ({ state: "failed", nextAtMs: undefined, failures: 1, fault }) as const,
    changed: (signal: AbortSignal) => change.next(signal),
  };
  const start = (document: unknown = DOCUMENT, signal = stop.signal) =>
    rotationJob({
      renewal,
      certificate: () => ({ ...certificate }),
      jobs: { describe: async () => ({ kind: "timeout" }) },
      journal,
      clock,
    })(
      document,
      {
        jobId: "job-1",
        executionNumber: 1,
        report: (details) => reports.push(details),
        reportFrom: () => undefined,
        withdrawn: withdrawn.signal,
      },
      signal,
    );
  return { clock, change, certificate, requests, outcomes, reports, stop, withdrawn, start };
}

const succeeded = { status: "SUCCEEDED", details: { certificateId: "new", previousCertificateId: "old" } };

describe("rotationJob", () => {
  it("requests a renewal, and lets the old key go only when the jobs service has answered", async () => {
    const vehicle = setUp();
    expect(await vehicle.start()).toEqual(succeeded);
    expect(vehicle.requests).toMatchObject([{ reason: "job job-1" }]);
    expect(await vehicle.requests[0]?.confirm?.("new")).toBe(false);
  });

  it("does not renew again after a restart that came when all was done", async () => {
    const vehicle = setUp();
    vehicle.outcomes.push(failed("broker.unreachable"));
    const first = vehicle.start();
    await vehicle.clock.run(0);
    vehicle.certificate.id = "new";
    vehicle.stop.abort();
    expect(await first).toBe("stopped");
    expect(await vehicle.start(DOCUMENT, new AbortController().signal)).toEqual(succeeded);
    expect(vehicle.requests).toHaveLength(1);
  });

  it("requests one again a minute after a fault that may pass", async () => {
    const vehicle = setUp();
    vehicle.outcomes.push(failed("broker.unreachable"));
    const running = vehicle.start();
    await vehicle.clock.run(59_000);
    expect(vehicle.requests).toHaveLength(1);
    await vehicle.clock.run(1000);
    expect(await running).toEqual(succeeded);
    expect(vehicle.reports.at(-1)).toMatchObject({ phase: "rotate", waitingFor: "broker.unreachable" });
  });

  it("follows a change that goes on by itself, at the moment when it ends, and requests none beside it", async () => {
    const vehicle = setUp();
    vehicle.outcomes.push(failed("broker.unreachable"));
    vehicle.certificate.isSettled = false;
    const running = vehicle.start();
    await vehicle.clock.run(600_000);
    expect(vehicle.requests).toHaveLength(1);
    Object.assign(vehicle.certificate, { id: "new", isSettled: true });
    vehicle.change.notify();
    await vehicle.clock.run(0);
    expect(await running).toEqual(succeeded);
  });

  it.each([
    [true, "identity.certificate-mismatch: identity.certificate-mismatch"],
    [false, "identity.certificate-mismatch: identity.certificate-mismatch; the agent goes on trying by itself"],
  ])("ends with a fault that no patience mends, change over %s", async (isSettled, reason) => {
    const vehicle = setUp();
    vehicle.outcomes.push(failed("identity.certificate-mismatch"));
    vehicle.certificate.isSettled = isSettled;
    expect(await vehicle.start()).toEqual({ status: "FAILED", details: { reason } });
  });

  it("ends at once when the job is withdrawn while it waits", async () => {
    const vehicle = setUp();
    vehicle.outcomes.push(failed("broker.unreachable"));
    const running = vehicle.start();
    await vehicle.clock.run(0);
    vehicle.withdrawn.abort("given-up");
    expect(await running).toEqual({ status: "FAILED", details: { reason: "cancelled by causeway jobs cancel" } });
  });

  it("rejects a document that it does not know all of", async () => {
    expect(await setUp().start({ ...DOCUMENT, key: "mine" })).toMatchObject({ status: "REJECTED" });
  });
});
