import { describe, expect, it } from "vitest";
import { foreignRequest, unknownBearer } from "../../../agent/ui/ui-access.ts";

const OURS = { host: "127.0.0.1:8440" };

describe("foreignRequest", () => {
  it.each([
    ["the address that is printed", OURS],
    ["a tunnel that ends at another port", { host: "localhost:9000" }],
    ["loopback of IPv6", { host: "[::1]:8440" }],
    ["our own page", { ...OURS, origin: "http://127.0.0.1:8440", "sec-fetch-site": "same-origin" }],
    ["an address that was typed", { ...OURS, "sec-fetch-site": "none" }],
  ])("answers %s", (_name, headers) => {
    expect(foreignRequest(headers)).toBeUndefined();
  });

  it.each([
    ["a name that resolves to this machine", { host: "evil.example:8440" }, 421],
    ["a name that begins like ours", { host: "127.0.0.1.evil.example" }, 421],
    ["a name that ends like ours", { host: "evil-localhost" }, 421],
    ["no name", {}, 421],
    ["a page of another site", { ...OURS, origin: "https://evil.example" }, 403],
    ["a page of another port", { ...OURS, origin: "http://127.0.0.1:3000" }, 403],
    ["a page of https", { ...OURS, origin: "https://127.0.0.1:8440" }, 403],
    ["a page without an origin", { ...OURS, origin: "null" }, 403],
    ["a page of another site that says no origin", { ...OURS, "sec-fetch-site": "cross-site" }, 403],
    ["a page of another port that says no origin", { ...OURS, "sec-fetch-site": "same-site" }, 403],
  ])("refuses %s", (_name, headers, status) => {
    expect(foreignRequest(headers)).toMatchObject({ status });
  });
});

describe("unknownBearer", () => {
  it("takes the token and nothing else", () => {
    expect(unknownBearer({ authorization: "Bearer secret" }, "secret")).toBeUndefined();
    for (const authorization of [
      undefined,
      "",
      "secret",
      "Bearer ",
      "Bearer secre",
      "Bearer secret2",
      "Basic secret",
    ]) {
      const headers = authorization === undefined ? {} : { authorization };
      expect(unknownBearer(headers, "secret")).toMatchObject({ status: 401 });
    }
  });
});
