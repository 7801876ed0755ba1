import { describe, expect, it } from "vitest";
import { interfaceTowards } from "../../../../drivers/os/route.ts";

describe("interfaceTowards", () => {
  it("names the interface by which an address is reached", async () => {
    expect(await interfaceTowards("127.0.0.1", 8883)).toBe("lo");
    expect(await interfaceTowards("localhost", 8883)).toBe("lo");
  });

  it("says nothing where there is no way or no such name", async () => {
    expect(await interfaceTowards("no-such-host.invalid", 8883)).toBeUndefined();
  });
});
