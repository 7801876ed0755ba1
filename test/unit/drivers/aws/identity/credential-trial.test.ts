import { beforeEach, describe, expect, it } from "vitest";
import { CredentialTrial } from "../../../../../drivers/aws/identity/credential-trial.ts";
import type { LinkFault } from "../../../../../drivers/aws/link/link-faults.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";

const FACTS = { host: "broker.example", port: 8883, clientId: "veh-001", connectTimeoutMs: 10_000 };
const REFUSED: LinkFault = { code: "identity.certificate-refused", what: "refused", remedy: "register it" };

let clock: ManualClock;
let stopping: AbortController;
let trial: CredentialTrial;

beforeEach(() => {
  clock = new ManualClock();
  stopping = new AbortController();
  trial = new CredentialTrial();
});

function run(connect: () => void = () => undefined): Promise<LinkFault | undefined> {
  return trial.run(connect, { withinMs: 5000, facts: FACTS, clock }, stopping.signal);
}

describe("CredentialTrial", () => {
  it("ends without a fault when the broker takes the credential", async () => {
    const ending = run();
    expect(trial.end(undefined)).toBe(true);
    expect(await ending).toBeUndefined();
    expect(clock.waiting()).toBe(0);
  });

  it("ends with the first fault, also one that comes while it connects", async () => {
    const ending = run(() => trial.end(REFUSED));
    trial.end(undefined);
    expect(await ending).toBe(REFUSED);
  });

  it("leaves what comes before and after it to others", async () => {
    expect(trial.end(REFUSED)).toBe(false);
    const ending = run();
    trial.end(undefined);
    await ending;
    expect(trial.end(REFUSED)).toBe(false);
  });

  it("gives up in time", async () => {
    const ending = run();
    await clock.run(5000);
    expect((await ending)?.what).toBe("the broker broker.example:8883 did not take the new identity within 5000 ms");
  });

  it("ends when the session is stopped", async () => {
    const ending = run();
    stopping.abort();
    expect((await ending)?.what).toBe("the session with broker.example:8883 was stopped");
  });
});
