import { createPublicKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { attributesOf, factsOf, parsePublicArea } from "../../../../drivers/tpm/public-area.ts";

// Written by tpm2_create 5.4 on swtpm 0.7; the attributes beside them are tpm2_print's.
const X = "7f26a36138d262cfb5d53a0b7de3422054e46973a214d3b442fbdbbf8b8f06e2";
const Y = "e22f4705ac36abce6b3ddf191cdc70ffff7f994523bcae04b56cb4d43f966669";
const areaWith = (attributes: string): Buffer =>
  Buffer.from(`00560023000b${attributes}000000100010000300100020${X}0020${Y}`, "hex");
/** fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign */
const GOOD = "00040472";
/** fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt|sign: as libtpm2_pkcs11 1.9 makes it */
const LIBRARY = "00060072";

describe("parsePublicArea", () => {
  it("reads attributes and the point of an EC key", () => {
    const area = parsePublicArea(areaWith(GOOD));
    expect(area?.attributes).toEqual([
      "fixedtpm",
      "fixedparent",
      "sensitivedataorigin",
      "userwithauth",
      "noda",
      "sign",
    ]);
    const { x, y } = createPublicKey(area?.publicKeyPem ?? "").export({ format: "jwk" });
    expect([x, y].map((value) => Buffer.from(value ?? "", "base64url").toString("hex"))).toEqual([X, Y]);
  });

  it("finds no flaw in a key that stays and cannot lock its TPM", () => {
    const area = parsePublicArea(areaWith(GOOD));
    expect(area === undefined ? undefined : factsOf("device", area).flaws).toEqual([]);
  });

  it.each([
    [LIBRARY, "noda"],
    ["00040470", "fixedtpm"],
    ["00040462", "fixedparent"],
    ["00040452", "sensitivedataorigin"],
    ["00040432", "userwithauth"],
    ["00020472", "sign"],
  ])("finds the flaw in attributes %s: no %s", (attributes, missing) => {
    const area = parsePublicArea(areaWith(attributes));
    const flaws = area === undefined ? [] : factsOf("device", area).flaws;
    expect(flaws).toHaveLength(1);
    expect(flaws[0]).toContain(`(no ${missing})`);
  });

  it("reads the attributes of a seal object", () => {
    const seal = Buffer.from("002e0008000b00000452000000100020", "hex");
    expect(attributesOf(seal)).toEqual(["fixedtpm", "fixedparent", "userwithauth", "noda"]);
  });

  it("refuses what is cut off", () => {
    expect(() => parsePublicArea(areaWith(GOOD).subarray(0, 60))).toThrow(RangeError);
  });
});
