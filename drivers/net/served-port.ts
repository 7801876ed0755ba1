import { connect } from "node:net";

/** Loopback answers at once; a full backlog does not. */
const WAIT_MS = 2000;

/** Whether somebody takes connections on this port of 127.0.0.1. The connection is ended at once. */
export function isServedPort(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const done = (isServed: boolean): void => {
      socket.destroy();
      resolve(isServed);
    };
    socket.setTimeout(WAIT_MS, () => done(false));
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}
