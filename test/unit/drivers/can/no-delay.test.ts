import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { setNoDelay } from "../../../../drivers/can/no-delay.ts";
import { noDelayOf } from "../../../fakes/os/tcp-options.ts";

/** A port of this machine, and as many connections of this process to it. */
async function connected(host: string, count: number): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const sockets = Array.from({ length: count }, () => connect({ host, port }));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return port;
}

it("lets small segments go at once to one port, and to no other", async () => {
  const [port, other] = [await connected("127.0.0.1", 2), await connected("127.0.0.1", 1)];
  expect(noDelayOf(port)).toEqual([false, false]);
  expect(setNoDelay(port)).toBe(2);
  expect(noDelayOf(port)).toEqual([true, true]);
  expect(noDelayOf(other)).toEqual([false]);
  expect(setNoDelay(port)).toBe(0);
});

it("does so by IPv6", async () => {
  const port = await connected("::1", 1);
  expect(setNoDelay(port)).toBe(1);
  expect(noDelayOf(port)).toEqual([true]);
});

it("knows no port that is none", () => {
  for (const port of [0, 65_536]) expect(() => setNoDelay(port)).toThrow("Invalid argument");
});

it("does nothing where the addon was not built", () => {
  const missing = (): never => {
    throw new Error("not built");
  };
  expect(setNoDelay(1883, missing)).toBeUndefined();
});
