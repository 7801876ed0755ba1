import { describe, expect, it } from "vitest";
import { readSettings } from "../../../agent/companion/settings.ts";

const CLOUD = {
  COMPANION_ORIGIN: "https://app.example",
  COMPANION_ISSUER: "https://issuer.example/pool",
  COMPANION_CLIENT_ID: "client",
  COMPANION_SIGNING_KEY: "kms:arn:aws:kms:eu-central-1:1:key/x",
  COMPANION_SIGNING_KEY_ID: "companion",
  COMPANION_ROAD: "iot",
  COMPANION_TABLE: "companion",
  COMPANION_ANSWERS_TABLE: "answers",
  COMPANION_IOT_ENDPOINT: "https://a-ats.iot.eu-central-1.amazonaws.com",
};

describe("the companion's environment", () => {
  it("is read with its defaults", () => {
    expect(readSettings({ ...CLOUD, HOME: "/root" })).toEqual({
      ...CLOUD,
      COMPANION_API_CLIENTS: [],
      COMPANION_STREAM: "live",
      COMPANION_PORT: 8080,
    });
    const { COMPANION_API_CLIENTS } = readSettings({ ...CLOUD, COMPANION_API_CLIENTS: "a,b" });
    expect(COMPANION_API_CLIENTS).toEqual(["a", "b"]);
  });

  it.each([
    ["COMPANION_ORIGIN", "http://app.example", /must be https/],
    ["COMPANION_ORIGIN", "https://app.example/path", /nothing behind it/],
    ["COMPANION_ORIGIN", "https://app.example/", /nothing behind it/],
    ["COMPANION_SIGNING_KEY", "-----BEGIN PRIVATE KEY-----secret", /must begin with kms: or file:/],
    ["COMPANION_ROAD", "smoke", /COMPANION_ROAD/],
    ["COMPANION_TABLE", undefined, /COMPANION_TABLE/],
  ])("names %s that is %s, and does not quote it", (name, value, message) => {
    const read = (): unknown => readSettings({ ...CLOUD, [name]: value });
    expect(read).toThrow(message);
    expect(read).not.toThrow(/secret/);
  });

  it("takes an origin without TLS for this machine alone", () => {
    expect(readSettings({ ...CLOUD, COMPANION_ORIGIN: "http://localhost:8080" })).toBeDefined();
    for (const origin of ["http://localhost.example", "http://127.0.0.1.example:80"]) {
      expect(() => readSettings({ ...CLOUD, COMPANION_ORIGIN: origin })).toThrow(/must be https/);
    }
  });
});
