import { createPublicKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  attributesOf,
  type ForeignArea,
  factsOf,
  foreignFacts,
  type PublicArea,
  parsePublicArea,
} from "../../../../../drivers/tpm/tools/public-area.ts";

// Written by tpm2_create 5.4 on swtpm 0.7; the attributes beside them are tpm2_print's.
const X = "7f26a36138d262cfb5d53a0b7de3422054e46973a214d3b442fbdbbf8b8f06e2";
const Y = "e22f4705ac36abce6b3ddf191cdc70ffff7f994523bcae04b56cb4d43f966669";
const NAME = { label: "device", id: 1 };
const areaWith = (attributes: string): Buffer =>
  Buffer.from(`00560023000b${attributes}000000100010000300100020${X}0020${Y}`, "hex");
/** fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign */
const GOOD = "00040472";
/** fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt|sign: as libtpm2_pkcs11 1.9 makes it */
const LIBRARY = "00060072";

function ours(area: PublicArea | ForeignArea): PublicArea {
  if (area.algorithm === "other") throw new Error(`it is ${area.kind}`);
  return area;
}

describe("parsePublicArea", () => {
  it("reads attributes and the point of an EC key", () => {
    const area = parsePublicArea(areaWith(GOOD));
    expect(area.attributes).toEqual(["fixedtpm", "fixedparent", "sensitivedataorigin", "userwithauth", "noda", "sign"]);
    const { x, y } = createPublicKey(ours(area).publicKeyPem).export({ format: "jwk" });
    expect([x, y].map((value) => Buffer.from(value ?? "", "base64url").toString("hex"))).toEqual([X, Y]);
  });

  it("finds no problem with a key that stays and cannot lock its TPM", () => {
    expect(factsOf(NAME, ours(parsePublicArea(areaWith(GOOD)))).problems).toEqual([]);
  });

  it.each([
    [LIBRARY, "noda"],
    ["00040470", "fixedtpm"],
    ["00040462", "fixedparent"],
    ["00040452", "sensitivedataorigin"],
    ["00040432", "userwithauth"],
    ["00020472", "sign"],
  ])("finds the problem with attributes %s: no %s", (attributes, missing) => {
    const { problems } = factsOf(NAME, ours(parsePublicArea(areaWith(attributes))));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`(no ${missing})`);
  });

  it("reads the attributes of a seal object", () => {
    const seal = Buffer.from("002e0008000b00000452000000100020", "hex");
    expect(attributesOf(seal)).toEqual(["fixedtpm", "fixedparent", "userwithauth", "noda"]);
  });

  it("reads a P-384 key whose coordinates are longer", () => {
    // The base point of the curve (SEC 2, 2.5.1).
    const x = "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7";
    const y = "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f";
    const area = ours(parsePublicArea(Buffer.from(`00760023000b${GOOD}000000100010000400100030${x}0030${y}`, "hex")));
    expect(area.algorithm).toBe("ec-p384");
    expect(createPublicKey(area.publicKeyPem).asymmetricKeyDetails?.namedCurve).toBe("secp384r1");
  });

  it.each([
    ["0023000b00040472000000100010001000100002abcd0002abcd", "it is on the curve 0x0010"],
    ["0001000b00040472000000100010100000000000000401020304", "it is of RSA with 4096 bits"],
    ["0001000b00040472000000100015100000000000000401020304", "it is of RSA with 4096 bits"],
    ["0008000b0004047200000005000b0020", "it is of the type 0x0008"],
  ])("says what a key is that no device connects with", (area, flaw) => {
    const parsed = parsePublicArea(Buffer.from(`0000${area}`, "hex"));
    if (parsed.algorithm !== "other") throw new Error("it is taken for one of ours");
    expect(foreignFacts(NAME, parsed)).toMatchObject({ algorithm: "other", problems: [expect.stringContaining(flaw)] });
  });

  it("refuses what is cut off", () => {
    expect(() => parsePublicArea(areaWith(GOOD).subarray(0, 60))).toThrow(RangeError);
  });
});
