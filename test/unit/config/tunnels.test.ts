import { expect, it } from "vitest";
import { tunnelsConfig } from "../../../config/tunnels.ts";

it("takes an endpoint with a port that there is, and no other", () => {
  const given = { services: { SSH: 22 }, regions: ["eu-central-1"] };
  const takes = (endpoint: string): boolean => tunnelsConfig.safeParse({ ...given, endpoint }).success;
  expect(["relay.example", "a.{region}.example:8443", "localhost:65535"].map(takes)).toEqual([true, true, true]);
  expect(["relay.example:0", "relay.example:65536", "relay.example:99999", "wss://relay.example"].map(takes)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
