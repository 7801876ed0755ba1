import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { openLoopback } from "../../../../drivers/net/loopback.ts";
import { until } from "../../../bench/core/wait.ts";

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
}

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

it("keeps no socket of a service that closes its side and reads no more", async () => {
  const before = openSockets();
  let accepted: Socket | undefined;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    accepted = socket;
    socket.on("error", () => undefined);
  });
  onTestFinished(() => {
    accepted?.destroy();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const ends: string[] = [];
  const handlers = { onBytes: () => undefined, onDrain: () => undefined, onEnded: (why: string) => ends.push(why) };
  const connection = openLoopback(portOf(server.address()), handlers, 50);
  await until(() => accepted, { what: "it is connected", timeoutMs: 20_000 });
  expect(connection.write(new Uint8Array(20_000_000))).toBe(false);
  accepted?.end();
  await until(() => (ends.length === 1 ? true : undefined), { what: "its end is told", timeoutMs: 20_000 });
  await until(() => (openSockets() === before + 1 ? true : undefined), { what: "it is gone", timeoutMs: 20_000 });
  expect(ends).toEqual([""]);
});
