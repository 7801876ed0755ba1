import { connect } from "node:net";
import { errnoOf, messageOf } from "../../agent/core/errors.ts";
import type { LineLink } from "../../agent/ports/line-link.ts";
import { LineLoop, type LineLoopParts, type OpenConnection } from "./line-loop.ts";

/** Longest time until a connection is there. */
const CONNECT_MS = 10_000;

/** A TCP server, or the path of a Unix socket. */
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Lines of a socket. Who is silent is told apart by whoever reads the lines (`LineLink.reset`). */
export function lineSocket(
  address: SocketAddress,
  { maxLineBytes, clock, random }: Pick<LineLoopParts, "maxLineBytes" | "clock" | "random">,
): LineLink {
  const name = "path" in address ? address.path : `${address.host}:${address.port}`;
  const open: OpenConnection = (events) => {
    const socket = connect("path" in address ? { path: address.path } : { ...address, noDelay: true, keepAlive: true });
    let isOver = false;
    const end = (what: string): void => {
      if (isOver) return;
      isOver = true;
      late.abort();
      socket.destroy();
      events.onEnd(what, remedyFor(what));
    };
    const late = new AbortController();
    void clock.sleep(CONNECT_MS, late.signal).then(() => {
      if (!late.signal.aborted) end("no answer to the connection");
    });
    socket.on("connect", () => {
      late.abort();
      events.onOpen();
    });
    socket.on("data", (chunk) => {
      if (!isOver) events.onBytes(chunk);
    });
    socket.on("error", (error) => end(errnoOf(error) ?? messageOf(error)));
    socket.on("close", () => end("the other side closed the connection"));
    return { write: (text) => void socket.write(text, "latin1"), end };
  };
  return new LineLoop({ name, maxLineBytes, open, clock, random });
}

function remedyFor(what: string): string {
  if (what === "ECONNREFUSED" || what === "ENOENT")
    return "start the service there, or correct its address in place.sources";
  if (what === "EACCES") return "let the user that runs causeway use the socket";
  return "check the service and the network to it";
}
