import { connect } from "node:net";
import { errnoOf, messageOf } from "../../agent/core/errors.ts";
import type { LocalConnection, LocalConnectionHandlers } from "../../agent/ports/tunnel.ts";

/** What waits for a service that reads no more, after the connection was ended, has so long, ms. */
const LINGER_MS = 5000;

/** Connects to a port of 127.0.0.1, never to another host. `lingerMs`: for what waits when either side has ended it. */
export function openLoopback(port: number, handlers: LocalConnectionHandlers, lingerMs = LINGER_MS): LocalConnection {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  let isOver = false;
  const linger = (): void => void setTimeout(() => socket.destroy(), lingerMs).unref();
  const ended = (detail: string): void => {
    if (isOver) return;
    isOver = true;
    linger();
    handlers.onEnded(detail);
  };
  socket.on("data", (bytes) => {
    if (!isOver) handlers.onBytes(bytes);
  });
  socket.on("drain", () => {
    if (!isOver) handlers.onDrain();
  });
  // The socket closes its other side by itself: a tunnel knows no half of a connection.
  socket.on("end", () => ended(""));
  socket.on("error", (error) => ended(errnoOf(error) ?? messageOf(error)));
  socket.on("close", () => ended("closed"));
  return {
    write: (bytes) => (isOver ? true : socket.write(bytes)),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => {
      if (socket.destroyed) return;
      isOver = true;
      // What the service still says is read and thrown away, so that its end is seen.
      socket.resume();
      socket.end();
      linger();
    },
  };
}
