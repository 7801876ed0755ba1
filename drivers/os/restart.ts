import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import { AgentError, messageOf } from "../../agent/core/errors.ts";

/**
 * Asks the service manager to restart the system, by a connection to the socket of causeway-reboot.socket in `runtimeDir`. Resolves
 * when it has the request; rejects with `system.restart-refused`.
 */
export async function restartSystem(runtimeDir: string): Promise<void> {
  const socket = createConnection(join(runtimeDir, "reboot.sock"));
  try {
    await once(socket, "connect");
  } catch (thrown) {
    throw new AgentError("system.restart-refused", {
      what: `the system was not restarted: ${messageOf(thrown)}`,
      remedy: "see: systemctl status causeway-reboot.socket; it is open to the agent's user alone",
      cause: thrown,
    });
  } finally {
    socket.destroy();
  }
}
