import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";

/** A path as it is, which fetch would put right. */
export function rawStatus(origin: string, path: string, cookie: string): Promise<number> {
  const { hostname: host, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    request({ host, port, path, headers: { cookie } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .once("error", reject)
      .end();
  });
}

/** The status that a body without an end gets; undefined where the connection was closed on it before it was read. */
export function endlessBody(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve) => {
    const sending = request(url, { method: "POST", headers }, (response) => {
      resolve(response.statusCode ?? 0);
      sending.destroy();
    });
    sending.on("error", () => resolve(undefined));
    const more = (): void => {
      if (!sending.destroyed) sending.write("x".repeat(1000), more);
    };
    more();
  });
}

/** How long a connection is kept whose request never gets to its end, ms. */
export async function slowRequest(origin: string): Promise<number> {
  const { hostname, port } = new URL(origin);
  const startMs = performance.now();
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n");
  socket.resume();
  await once(socket, "close");
  return performance.now() - startMs;
}
