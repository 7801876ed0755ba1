import { describe, expect, it } from "vitest";
import { isOver, problemWithUrl, signsChecksum } from "../../../agent/files/upload-url.ts";
import { presignedQuery } from "../../bench/cloud/presigned-urls.ts";

const HOSTS = ["*.s3.eu-central-1.amazonaws.com", "files.example.com:8443"];
const S3 = "https://bucket.s3.eu-central-1.amazonaws.com/key";

async function signedBy(
  at: Date,
  lifeSeconds: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const asked = { method: "PUT", host: "bucket.s3.eu-central-1.amazonaws.com", path: "/key", query: {}, headers };
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "canary" };
  const query = await presignedQuery(credentials, asked, { at, lifeSeconds });
  return `${S3}?${new URLSearchParams(query).toString()}`;
}

describe("a URL that a file is to go to", () => {
  it("leads to a listed host by https, and nowhere else", () => {
    expect(problemWithUrl(`${S3}?X-Amz-Signature=canary`, HOSTS, true)).toBeUndefined();
    expect(problemWithUrl("https://files.example.com:8443/a", HOSTS, true)).toBeUndefined();
    const wrong = [
      "https://s3.eu-central-1.amazonaws.com/key",
      "https://evil-s3.eu-central-1.amazonaws.com.example.org/key",
      "https://xs3.eu-central-1.amazonaws.com/key",
      "https://bucket.s3.eu-central-1.amazonaws.com:444/key",
      "https://files.example.com/a",
      "https://127.0.0.1/a",
      "https://bucket.s3.eu-central-1.amazonaws.com@evil.example.org/",
    ];
    for (const url of wrong) expect(problemWithUrl(`${url}?X-Amz-Signature=canary`, HOSTS, true)).toBeDefined();
    for (const url of wrong)
      expect(problemWithUrl(`${url}?X-Amz-Signature=canary`, HOSTS, true)).not.toContain("canary");
    expect(problemWithUrl("http://bucket.s3.eu-central-1.amazonaws.com/key", HOSTS, true)).toBe("must be https");
    expect(problemWithUrl("bucket", HOSTS, true)).toBe("is not a URL");
  });

  it("signs no header that is not sent", async () => {
    const at = new Date("2026-01-01T00:00:00Z");
    const checksum = await signedBy(at, 60, { "x-amz-checksum-sha256": "AAAA" });
    expect(signsChecksum(checksum)).toBe(true);
    expect(problemWithUrl(checksum, HOSTS, true)).toBeUndefined();
    const ofPart = problemWithUrl(checksum, HOSTS, false);
    expect(ofPart).toBe("signs a header that is not sent: x-amz-checksum-sha256");
    const typed = await signedBy(at, 60, { "content-type": "text/plain" });
    expect(problemWithUrl(typed, HOSTS, true)).toBe("signs a header that is not sent: content-type");
    expect(signsChecksum(await signedBy(at, 60))).toBe(false);
  });

  it("is over when its signer says so, and never where nobody does", async () => {
    const fromMs = Date.parse("2026-03-01T10:20:30Z");
    const url = await signedBy(new Date(fromMs), 900);
    expect(isOver(url, (fromMs + 899_999) * 1000)).toBe(false);
    expect(isOver(url, (fromMs + 900_000) * 1000)).toBe(true);
    expect(isOver(S3, 4e15)).toBe(false);
    expect(isOver(`${S3}?X-Amz-Date=20260301T102030Z&X-Amz-Expires=9999999`, 4e15)).toBe(false);
    expect(isOver(`${S3}?X-Amz-Date=20269901T102030Z&X-Amz-Expires=9`, 4e15)).toBe(false);
  });
});
