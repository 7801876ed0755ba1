import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BearerTokens } from "../../../agent/companion/people/bearer.ts";
import { AwsEndpoint } from "../../bench/cloud/aws-endpoint.ts";
import { jsonWebToken } from "../../fakes/companion/json-web-token.ts";

const NOW_MS = 1_767_225_600_000;
const ISSUER = "https://issuer.example";
const CLAIMS = { iss: ISSUER, client_id: "tool", token_use: "access", sub: "anna", exp: NOW_MS / 1000 + 60 };

describe("the keys of an identity provider", () => {
  let keys: AwsEndpoint;
  let published: { readonly kid: string; readonly key: KeyObject }[];
  beforeEach(async () => {
    published = [];
    keys = await AwsEndpoint.start(() => ({
      status: 200,
      body: {
        keys: published.map(({ kid, key }) => ({ ...key.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" })),
      },
    }));
  });
  afterEach(() => keys.stop());

  const bearer = (cooldownMs?: number): BearerTokens =>
    new BearerTokens({
      issuer: ISSUER,
      origin: "https://app.example",
      clients: ["tool"],
      keysUrl: () => Promise.resolve(new URL(keys.url)),
      nowMs: () => NOW_MS,
      ...(cooldownMs === undefined ? {} : { cooldownMs }),
    });
  const newKey = (kid: string): ((change?: object) => string) => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    published = [{ kid, key: publicKey }];
    return (change = {}) => jsonWebToken({ alg: "RS256", kid }, { ...CLAIMS, ...change }, privateKey);
  };

  it("are asked for again when a token is signed by a newer one", async () => {
    const tokens = bearer(0);
    const first = newKey("1");
    expect(await tokens.subjectOf(first())).toBe("anna");
    const second = newKey("2");
    expect(await tokens.subjectOf(second())).toBe("anna");
    expect(await tokens.subjectOf(first())).toBeUndefined();
  });

  it("are not asked for by everybody who makes up a key id", async () => {
    const tokens = bearer();
    const token = newKey("1")();
    expect(await tokens.subjectOf(token)).toBe("anna");
    const [, claims, signature] = token.split(".");
    for (let at = 0; at < 20; at += 1) {
      const header = Buffer.from(JSON.stringify({ alg: "RS256", kid: `made up ${at}` })).toString("base64url");
      expect(await tokens.subjectOf([header, claims, signature].join("."))).toBeUndefined();
    }
    expect(keys.heard.length).toBeLessThanOrEqual(2);
  });

  it("that cannot be had are no verdict on a token", async () => {
    const token = newKey("1")();
    keys.answer = () => ({ status: 500, body: {} });
    await expect(bearer().subjectOf(token)).rejects.toThrow(/Expected 200 OK/);
  });

  it("let a token pass to its last second, and five more", async () => {
    const tokens = bearer();
    const sign = newKey("1");
    expect(await tokens.subjectOf(sign({ exp: NOW_MS / 1000 - 4 }))).toBe("anna");
    expect(await tokens.subjectOf(sign({ exp: NOW_MS / 1000 - 5 }))).toBeUndefined();
  });
});
