import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { isServedPort } from "../../../../drivers/net/served-port.ts";

describe("isServedPort", () => {
  it("says whether somebody takes connections on a port of this machine", async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await isServedPort(port)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await isServedPort(port)).toBe(false);
  });
});
