import { beforeEach, describe, expect, it } from "vitest";
import { CredentialInUse } from "../../../../../drivers/aws/identity/credential-in-use.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { fakeTlsIdentity } from "../../../../fakes/ports/tls-identity.ts";

const FACTS = { host: "broker.example", port: 8883, clientId: "veh-001", connectTimeoutMs: 10_000 };
const { signal } = new AbortController();

/** Keys whose context was made, in order. */
let made: string[];
let inUse: CredentialInUse;

beforeEach(() => {
  made = [];
  const clock = new ManualClock();
  inUse = new CredentialInUse({
    identity: fakeTlsIdentity("first", made),
    facts: FACTS,
    proxy: undefined,
    decisive: false,
    clock,
  });
});

describe("CredentialInUse", () => {
  it("makes a context once, until it is forgotten", async () => {
    const opened = await inUse.open(signal);
    inUse.keep(opened);
    expect((await inUse.open(signal)).context).toBe(opened.context);
    inUse.forgetContext();
    expect((await inUse.open(signal)).context).not.toBe(opened.context);
    expect(made).toEqual(["first", "first"]);
  });

  it("opens another credential with a context of its own and leaves the one in use alone", async () => {
    const kept = await inUse.open(signal);
    inUse.keep(kept);
    const other = await inUse.open(signal, fakeTlsIdentity("second", made));
    expect([other.identity.key, inUse.identity.key]).toEqual(["second", "first"]);
    expect(other.context).not.toBe(kept.context);
    await expect(inUse.open(signal, fakeTlsIdentity("missing", made))).rejects.toMatchObject({
      code: "identity.key-missing",
    });
    expect((await inUse.open(signal)).context).toBe(kept.context);
  });

  it("goes on with the credential on trial once that has ended well", async () => {
    const other = await inUse.open(signal, fakeTlsIdentity("second", made));
    const before = inUse.diagnosis;
    inUse.beginTrial(other);
    const onTrial = inUse.diagnosis;
    inUse.endTrial();
    expect(new Set([before, onTrial, inUse.diagnosis]).size).toBe(3);
    expect([inUse.identity.key, (await inUse.open(signal)).context]).toEqual(["second", other.context]);
  });

  it("goes back to the credential before with a new context", async () => {
    const { identity: before } = inUse;
    inUse.keep(await inUse.open(signal));
    inUse.beginTrial(await inUse.open(signal, fakeTlsIdentity("second", made)));
    inUse.restore(before);
    expect((await inUse.open(signal)).identity.key).toBe("first");
    expect(made).toEqual(["first", "second", "first"]);
  });
});
