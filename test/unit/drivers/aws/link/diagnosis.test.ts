import { createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { fileIdentity } from "../../../../../drivers/aws/identity/file-identity.ts";
import { Diagnosis } from "../../../../../drivers/aws/link/diagnosis.ts";
import type { LinkFault } from "../../../../../drivers/aws/link/link-faults.ts";
import { freePorts } from "../../../../bench/core/ports.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";

/** What the library says where it has forgotten the addresses of a host, of which none answered. */
const FORGOTTEN = ["AWS_IO_DNS_NO_ADDRESS_FOR_HOST", "AWS_IO_DNS_HOST_REMOVED_FROM_CACHE", "AWS_IO_DNS_INVALID_NAME"];

async function explained(errorName: string, host: string, port: number): Promise<LinkFault> {
  const broker = { caFile: "/nowhere/ca.pem", port, alpn: "none", ciphers: "default" } as const;
  const diagnosis = new Diagnosis({
    facts: { host, port, clientId: "veh-1", connectTimeoutMs: 2000 },
    proxy: undefined,
    identity: fileIdentity({ certificateFile: "/nowhere/device.pem", keyFile: "/nowhere/device.key" }, broker),
    decisive: false,
    clock: new ManualClock(),
  });
  return await diagnosis.explain({ errorName, connack: undefined });
}

describe("Diagnosis", () => {
  it.each(FORGOTTEN)("does not call a host without an address that only does not answer: %s", async (errorName) => {
    const { what } = await explained(errorName, "localhost", await freePorts(1));
    expect(what).toMatch(/^the broker localhost:\d+ refused the TCP connection$/);
  });

  it("says that a name cannot be resolved where that is so", async () => {
    const { what, remedy } = await explained("AWS_IO_DNS_INVALID_NAME", "nowhere.invalid", 8883);
    expect([what, remedy]).toEqual([
      expect.stringMatching(/^the host name nowhere\.invalid cannot be resolved/),
      expect.stringContaining("DNS servers"),
    ]);
  });

  it("says of a host that answers by now that it does", async () => {
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { code, what } = await explained("AWS_IO_DNS_NO_ADDRESS_FOR_HOST", "127.0.0.1", port);
    expect([code, what]).toEqual(["broker.unreachable", `the broker 127.0.0.1:${port} did not answer; it does again`]);
  });
});
