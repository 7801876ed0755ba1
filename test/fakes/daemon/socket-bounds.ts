import type { SocketCounts } from "../../../agent/ports/local-socket.ts";
import { FairTurns } from "../../../drivers/os/local-socket/fair-turns.ts";
import { ReplyBacklog } from "../../../drivers/os/local-socket/reply-backlog.ts";

/** What a local socket of a test is served with: bounds that do not get in its way, and counts of its own. */
export function socketBounds() {
  const bounds = {
    maxLineBytes: 10_000,
    maxReplyBytes: 8_388_608,
    idleMs: 30_000,
    takeMs: 10_000,
    requestsPerSecond: 1000,
  };
  const counts: SocketCounts = { clients: 0, requests: 0, refused: 0, displaced: 0, idle: 0, slow: 0 };
  const shared = { turns: new FairTurns(1), backlog: new ReplyBacklog(8_388_608) };
  return { bounds, counts, shared, maxClients: 4 };
}
