import { createServer } from "node:net";

const LOOPBACK = "127.0.0.1";

/** Whether nothing listens on this TCP port of the loopback interface. */
function isFree(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      const got = typeof address === "object" && address !== null ? address.port : undefined;
      server.close(() => resolve(got));
    });
  });
}

/**
 * First of `count` neighbouring TCP ports on 127.0.0.1 that were free a moment ago. Another process may take them before the
 * caller does: a caller that can, tries again.
 */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = await isFree(0);
    if (first === undefined || first + count > 65_535) continue;
    const others = await Promise.all(Array.from({ length: count - 1 }, (_, index) => isFree(first + index + 1)));
    if (others.every((port) => port !== undefined)) return first;
  }
  throw new Error(`no ${count} neighbouring free ports on ${LOOPBACK}`);
}
