import { describe, expect, it } from "vitest";
import { configDocument, configKeys } from "../../../agent/shadows/config-document.ts";
import { ShadowDocument } from "../../bench/cloud/shadow-document.ts";

const VERDICT = { state: "in-force", reason: "", digest: "ab" } as const;
const told = { state: "in-force", digest: "ab" };

describe("configDocument", () => {
  it("has what is in force without what is empty, and how what is desired does", () => {
    const inForce = { collect: { batchMs: 5, rules: [] }, encode: { a: {} }, log: {} };
    expect(configDocument(VERDICT, inForce, 8000)).toEqual({
      reported: { collect: { batchMs: 5, rules: [] }, settings: told },
      omitted: [],
    });
    expect(configDocument({ ...VERDICT, state: "refused", reason: "why" }, {}, 8000)?.reported).toEqual({
      settings: { state: "refused", digest: "ab", reason: "why" },
    });
    expect(configKeys(["collect"])).toEqual(["collect", "settings"]);
  });

  it("leaves sections out where there is no room for them", () => {
    const inForce = { collect: { text: "x".repeat(500) }, log: { level: "warn" } };
    expect(configDocument(VERDICT, inForce, 500)).toEqual({
      reported: { settings: told },
      omitted: ["collect", "log"],
    });
  });

  it.each([
    [[[{ a: 1 }]], []],
    [[[[{ a: 1 }]]], ["collect"]],
  ])("leaves a section out that the service would refuse for its levels, and no other", (rules, omitted) => {
    const document = configDocument(VERDICT, { collect: { rules }, log: { level: "warn" } }, 8000);
    expect(document).toMatchObject({ reported: { log: { level: "warn" } }, omitted });
    const whole = new ShadowDocument().update({ state: { reported: { collect: { rules } } } }, 1);
    expect("code" in whole).toBe(omitted.length > 0);
    expect(new ShadowDocument().update({ state: { reported: document?.reported } }, 1)).not.toHaveProperty("code");
  });

  it("says nothing while nothing is settled", () => {
    for (const state of ["unread", "trying"] as const) {
      expect(configDocument({ ...VERDICT, state }, {}, 8000)).toBeUndefined();
    }
  });
});
