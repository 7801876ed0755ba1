import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { requestLocal } from "../../../../../drivers/os/local-socket/local-client.ts";
import { serveLocalSocket } from "../../../../../drivers/os/local-socket/local-server.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";
import { socketBounds } from "../../../../fakes/daemon/socket-bounds.ts";

it("gives the answer that it is making when it stops, though it waits for its turn, and takes no more requests", async () => {
  const path = join(temporaryFolder(), "view.sock");
  let stopped: Promise<void> | undefined;
  const handlers = {
    end: () => {
      stopped = socket.stop();
      // The answer waits for as long again as this turn took, and more.
      const untilMs = performance.now() + 20;
      while (performance.now() < untilMs);
      return "accepted";
    },
  };
  const socket = await serveLocalSocket({
    place: { path, mode: 0o660 },
    handlers,
    log: new MemoryLog(),
    ...socketBounds(),
  });
  expect(await requestLocal(path, { verb: "end" })).toBe("accepted");
  await stopped;
  expect(existsSync(path)).toBe(false);
});
