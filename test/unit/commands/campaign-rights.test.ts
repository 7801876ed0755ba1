import { describe, expect, it } from "vitest";
import { Authority } from "../../../agent/commands/authority.ts";
import { type ClaimedCampaign, campaignRights, campaignText } from "../../../agent/commands/campaign-rights.ts";
import { KeySet } from "../../../agent/commands/key-set.ts";
import { policySchema } from "../../../config/policy.ts";
import { signingKey } from "../../fakes/commands/signing-key.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const SHA256 = "ab".repeat(32);
const fleet = signingKey("fleet");
const other = signingKey("other");
const keys = signingKey("keys", "es256", "keys");

function rightsOf(policy: object, jobsSetCollect = true) {
  const parsed = policySchema.parse({
    schemaVersion: 1,
    keys: [fleet.pinned, other.pinned, keys.pinned],
    allow: [{ action: "campaign.set", keys: ["fleet", "keys"] }],
    ...policy,
  });
  const seal = { generation: () => 1, note: () => undefined, settle: () => undefined, advance: async () => undefined };
  const authority = new Authority(
    parsed,
    new KeySet(parsed.keys, new FakeJournal({ clock: new ManualClock() }), seal),
    new ManualClock(),
  );
  return campaignRights({ judge: (text) => authority.judgeText(text), jobsSetCollect });
}

function claimed(more: Partial<ClaimedCampaign> = {}): ClaimedCampaign {
  return { id: "a", version: 3, sha256: SHA256, signatures: [], hasPosition: false, ...more };
}

const signedBy = (key: typeof fleet, text = campaignText(claimed())) => ({ signatures: [key.signText(text)] });

describe("campaignRights", () => {
  it("has the signature over id, version and digest of the text", () => {
    expect(campaignText(claimed())).toBe(`causeway-campaign 1\nid=a\nversion=3\ndocument=${SHA256}\n`);
  });

  it.each([
    ["an unsigned one that the policy allows", {}, claimed(), undefined],
    ["one that no rule allows", { allow: [{ action: "signals.*" }] }, claimed(), /^ACCESS_DENIED: no rule/],
    ["an unsigned one where R1 needs it", { classes: { R1: { signature: true } } }, claimed(), /^SIGNATURE_MISSING/],
    [
      "an unsigned one where the rule needs it",
      { allow: [{ action: "*", signature: true }] },
      claimed(),
      /^SIGNATURE_M/,
    ],
    ["an unsigned one with positions", {}, claimed({ hasPosition: true }), /^SIGNATURE_MISSING/],
    ["a signed one with positions", {}, claimed({ hasPosition: true, ...signedBy(fleet) }), undefined],
    ["one that another key signed", {}, claimed(signedBy(other)), /^ACCESS_DENIED: key other may not/],
    ["one that a key for keys signed", {}, claimed(signedBy(keys)), /^ACCESS_DENIED: key keys may not/],
    ["one that nobody known signed", {}, claimed(signedBy(signingKey("nobody"))), /^KEY_UNKNOWN/],
    ["one with the name of a key alone", {}, claimed(signedBy(signingKey("fleet"))), /^SIGNATURE_INVALID/],
    ["the signature of another version", {}, claimed({ version: 4, ...signedBy(fleet) }), /^SIGNATURE_INVALID/],
    [
      "one of two signatures that is bad, though none is needed",
      {},
      claimed({ signatures: [...signedBy(fleet).signatures, ...signedBy(fleet, "x").signatures] }),
      /^SIGNATURE_INVALID/,
    ],
  ])("judges %s", (_, policy, given, expected) => {
    const reason = rightsOf(policy)(given);
    if (expected === undefined) expect(reason).toBeUndefined();
    else expect(reason).toMatch(expected);
  });

  it("follows what jobs may set, which are not signed either", () => {
    expect(rightsOf({}, false)(claimed())).toMatch(/^unsigned: .*ota\.jobs\.settings/);
    expect(rightsOf({}, false)(claimed(signedBy(fleet)))).toBeUndefined();
  });

  it("takes no signature for good that nothing can check, and no positions without one", () => {
    const rights = campaignRights({ judge: undefined, jobsSetCollect: true });
    expect(rights(claimed())).toBeUndefined();
    expect(rights(claimed(signedBy(fleet)))).toMatch(/cannot be checked/);
    expect(rights(claimed({ hasPosition: true }))).toMatch(/samples where the vehicle is/);
  });
});
