import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { messageOf } from "../../../agent/core/errors.ts";
import type { AgentLine } from "../../../agent/ui/agent-line.ts";
import type { FaultSwitch } from "../../../agent/ui/fault-switch.ts";
import { createUiServer } from "../../../agent/ui/ui-server.ts";
import { requestLocal, streamLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import type { ShownSwitches } from "./run-bench.ts";

const HOST = "127.0.0.1";
const TOKEN_BYTES = 24;
const ANSWER_WITHIN_MS = 10_000;

/** Serves the page of `causeway ui --admin` for the agent of a bench, with fault switches, at a port of 127.0.0.1 (0: one that is free). */
export async function showPage(
  port: number,
  runtimeDir: string,
  switches: readonly FaultSwitch[],
): Promise<ShownSwitches> {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const ui = createUiServer({
    line: lineTo(runtimeDir),
    clock: systemClock(),
    role: "admin",
    token,
    version: "bench",
    switches,
  });
  try {
    ui.http.listen({ host: HOST, port });
    await once(ui.http, "listening");
  } catch (thrown) {
    throw new Error(`the page cannot be at ${HOST}:${port}: ${messageOf(thrown)}; give --ui another port, or none`);
  }
  const address = ui.http.address();
  const at = typeof address === "object" && address !== null ? address.port : port;
  return { url: `http://${HOST}:${at}/#${token}`, stop: () => ui.stop() };
}

function lineTo(runtimeDir: string): AgentLine {
  const pathOf = (socket: string): string => join(runtimeDir, `${socket}.sock`);
  return {
    ask: async ({ name, socket, answer }, request) =>
      answer.parse(
        await requestLocal(pathOf(socket), { verb: name, ...request }, AbortSignal.timeout(ANSWER_WITHIN_MS)),
      ),
    follow: async function* ({ name, socket, each }, request, signal) {
      for await (const value of streamLocal(pathOf(socket), { verb: name, ...request }, signal))
        yield each.parse(value);
    },
  };
}
