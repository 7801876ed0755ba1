import { describe, expect, it } from "vitest";
import { Authority } from "../../../agent/commands/authority.ts";
import { KeySet } from "../../../agent/commands/key-set.ts";
import { policySchema } from "../../../config/policy.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const MINUTE_MS = 60_000;

function authorityOf(policy: object) {
  const clock = new ManualClock();
  const parsed = policySchema.parse({ schemaVersion: 1, keys: [], ...policy });
  const seal = { generation: () => 1, note: () => undefined, settle: () => undefined, advance: async () => undefined };
  return { clock, authority: new Authority(parsed, new KeySet(parsed.keys, new FakeJournal({ clock }), seal), clock) };
}

describe("what acts unsigned, and is no command", () => {
  it("has the rate of its rule", () => {
    const { authority, clock } = authorityOf({ allow: [{ action: "tunnel.*", ratePerMinute: 2 }] });
    const take = (): string => {
      const judged = authority.judgeUnsigned("tunnel.notify");
      if (judged.kind === "rejected") return judged.code;
      authority.use(judged);
      return judged.kind;
    };
    expect([take(), take(), take()]).toEqual(["granted", "granted", "RATE_LIMITED"]);
    clock.advance(MINUTE_MS);
    expect(take()).toBe("granted");
  });

  it.each([
    ["no rule", { allow: [{ action: "signals.*" }] }, "ACCESS_DENIED"],
    ["a rule that wants a signature", { allow: [{ action: "*", signature: true }] }, "SIGNATURE_MISSING"],
    ["a class that does", { allow: [{ action: "*" }], classes: { R1: { signature: true } } }, "SIGNATURE_MISSING"],
  ])("is refused by %s", (_what, policy, code) => {
    expect(authorityOf(policy).authority.judgeUnsigned("tunnel.notify")).toMatchObject({ kind: "rejected", code });
  });
});
