import { describe, expect, it } from "vitest";
import { bucketOf, objectUrl } from "../../../agent/files/buckets.ts";
import { bucketsConfig } from "../../../config/buckets.ts";

/** The URL in a bucket that is configured so. */
function urlIn(change: Readonly<Record<string, unknown>>, name = "00001-0001.log", thing = "van:1"): string {
  const one = { bucket: "fleet", region: "eu-central-1", roleAlias: "uploads", ...change };
  const bucket = bucketOf(bucketsConfig.parse({ one }), "one");
  if (bucket === undefined) throw new Error("no bucket");
  return objectUrl(bucket, { thing, upload: "u-1", name });
}

describe("objectUrl", () => {
  it("names the bucket in the host, and in the path where a certificate would not fit or another store is asked", () => {
    expect(urlIn({})).toBe("https://fleet.s3.eu-central-1.amazonaws.com/van%3A1/u-1/00001-0001.log");
    expect(urlIn({ bucket: "my.fleet" })).toMatch(/^https:\/\/s3\.eu-central-1\.amazonaws\.com\/my\.fleet\/van/);
    expect(urlIn({ region: "cn-north-1" })).toMatch(/^https:\/\/fleet\.s3\.cn-north-1\.amazonaws\.com\.cn\//);
    expect(urlIn({ endpoint: "store.lan:9000" })).toMatch(/^https:\/\/store\.lan:9000\/fleet\/van%3A1\//);
  });

  it("puts the prefix before it, and escapes what a signature escapes", () => {
    expect(urlIn({ prefix: "a/{thing}/b" })).toContain("/a/van%3A1/b/u-1/");
    expect(urlIn({ prefix: "" })).toContain("amazonaws.com/u-1/");
    expect(urlIn({}, "a b+(ä)*'!.dbc")).toMatch(/\/u-1\/a%20b%2B%28%C3%A4%29%2A%27%21\.dbc$/);
  });

  it("cannot be led out of its folder by a name", () => {
    for (const name of ["..", ".", "../../x", "%2e%2e"]) {
      const { pathname } = new URL(urlIn({}, name));
      expect(pathname).toMatch(/^\/van%3A1\/u-1\/[^/]+$/);
    }
  });

  it("knows no bucket by the names that every object has", () => {
    expect(bucketOf(bucketsConfig.parse({}), "constructor")).toBeUndefined();
  });
});
