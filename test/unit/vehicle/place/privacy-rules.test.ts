import { describe, expect, it } from "vitest";
import { PrivacyRules } from "../../../../agent/vehicle/place/privacy-rules.ts";

describe("PrivacyRules", () => {
  it("tells once, when it is asked, that positions that could leave may do so no more", () => {
    const told: string[] = [];
    const rules = new PrivacyRules(() => void told.push("private"));
    let [zone, person] = [false, true];
    rules.add(() => zone);
    rules.add(() => person);
    const seen = [rules.isShared()];
    zone = true;
    seen.push(rules.isShared(), rules.isShared());
    person = false;
    seen.push(rules.isShared());
    zone = false;
    seen.push(rules.isShared());
    expect([seen, told]).toEqual([[false, true, true, false, false], ["private"]]);
    [zone, person] = [true, true];
    rules.isShared();
    person = false;
    rules.isShared();
    expect(told).toHaveLength(2);
  });
});
