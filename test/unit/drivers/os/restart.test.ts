import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { restartSystem } from "../../../../drivers/os/restart.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

describe("restartSystem", () => {
  it("is one connection to the socket of the service manager", async () => {
    const folder = temporaryFolder();
    const server = createServer().listen(join(folder, "reboot.sock"));
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const connected = once(server, "connection");
    await restartSystem(folder);
    await connected;
  });

  it("says so when nobody listens for it", async () => {
    const refused = restartSystem(temporaryFolder());
    await expect(refused).rejects.toMatchObject({ code: "system.restart-refused" });
    await expect(refused).rejects.toThrow("reboot.sock");
  });
});
