import { connect, createServer, type Socket } from "node:net";
import { monotonicMs } from "../core/monotonic.ts";

/** When a connection was accepted, and when each flight on it began: a flight ends where the other side answers. All in ms of the monotonic clock. */
export type Flights = {
  readonly acceptedMs: number;
  readonly flights: { readonly from: "client" | "server"; readonly atMs: number }[];
};

/** More flights than a TLS handshake and the first MQTT packets have are not noted. */
const NOTED_FLIGHTS = 16;

/** A TCP proxy on 127.0.0.1 that changes nothing and notes when what came. `take` gives what was noted since the last `take`. */
export type FlightProxy = { readonly port: number; take(): readonly Flights[]; stop(): void };

export async function startFlightProxy(targetPort: number): Promise<FlightProxy> {
  let noted: Flights[] = [];
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const connection: Flights = { acceptedMs: monotonicMs(), flights: [] };
    noted.push(connection);
    const far = connect({ host: "127.0.0.1", port: targetPort, noDelay: true });
    near.setNoDelay(true);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket)).on("error", () => socket.destroy());
    }
    pass(near, far, connection, "client");
    pass(far, near, connection, "server");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    take: () => {
      const taken = noted;
      noted = [];
      return taken;
    },
    stop: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function pass(source: Socket, destination: Socket, { flights }: Flights, from: "client" | "server"): void {
  source.on("data", (chunk) => {
    if (flights.at(-1)?.from !== from && flights.length < NOTED_FLIGHTS) flights.push({ from, atMs: monotonicMs() });
    destination.write(chunk);
  });
  source.on("end", () => destination.end());
}
