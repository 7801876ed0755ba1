import { describe, expect, it } from "vitest";
import { KeyWatch } from "../../../agent/identity/key-watch.ts";
import type { KeyFacts, TpmFacts } from "../../../agent/ports/key-store.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";

const GOOD = ["fixedtpm", "fixedparent", "sensitivedataorigin", "userwithauth", "noda", "sign"];
const BORN_OUTSIDE = "it was not made in the TPM (no sensitivedataorigin)";

const TPM: TpmFacts = {
  lockout: {
    isLocked: false,
    counter: 3,
    maxTries: 31,
    recoverySeconds: 600,
    lockoutRecoverySeconds: 86_400,
    hasOwnerAuth: false,
    hasLockoutAuth: true,
  },
  token: { isPresent: true, problems: [] },
};

const key = (label: string, attributes: readonly string[], problems: readonly string[]): KeyFacts => ({
  label,
  id: 1,
  algorithm: "ec-p256",
  publicKeyPem: "",
  attributes,
  problems,
});

describe("KeyWatch", () => {
  async function watched(facts: KeyFacts) {
    const clock = new ManualClock();
    const log = new MemoryLog();
    const broker = new FakeBroker({ clock });
    const stopping = new AbortController();
    const keys = { list: () => Promise.resolve([facts]), inspect: () => Promise.resolve(TPM) };
    const watch = new KeyWatch({ keys, tokenLabel: "vehicle", label: () => "device", broker, clock, log });
    const running = watch.run(stopping.signal);
    broker.start();
    await clock.run(60_000);
    stopping.abort();
    await running;
    return { watch, errors: log.entries.filter(({ level }) => level === "error") };
  }

  it("tells of a key that was born outside the TPM, and goes on", async () => {
    const { watch, errors } = await watched(key("device", ["userwithauth", "noda", "sign"], [BORN_OUTSIDE]));
    expect(watch.problems()).toEqual([BORN_OUTSIDE]);
    expect(errors.map(({ event }) => event)).toEqual(["identity.key-unfit"]);
  });

  it.each([
    ["a good key", key("device", GOOD, [])],
    ["a key that stays, but counts power cuts", key("device", GOOD.slice(0, 4), ["no noda"])],
    ["a key of another label", key("other", [], [BORN_OUTSIDE])],
  ])("says nothing of %s", async (_, facts) => {
    const { watch, errors } = await watched(facts);
    expect([watch.problems(), errors]).toEqual([[], []]);
    expect(watch.lockout()).toEqual(TPM.lockout);
  });
});
