import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { AgentError, messageOf } from "../../agent/core/errors.ts";

const run = promisify(execFile);
const PATIENCE_MS = 20_000;

/**
 * Asks systemd to restart the system; resolves when it has accepted. The agent's user needs leave for it: a polkit rule for
 * org.freedesktop.login1.reboot. Rejects with `system.restart-refused`.
 */
export async function restartSystem(): Promise<void> {
  try {
    await run("systemctl", ["--no-block", "--no-ask-password", "reboot"], { timeout: PATIENCE_MS });
  } catch (thrown) {
    throw new AgentError("system.restart-refused", {
      what: `the system was not restarted: ${messageOf(thrown).split("\n")[0]}`,
      remedy: "allow org.freedesktop.login1.reboot to the agent's user by a polkit rule",
      cause: thrown,
    });
  }
}
