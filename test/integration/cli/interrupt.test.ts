import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { configFile } from "../../fakes/daemon/view-socket.ts";

const PROGRAM = join(import.meta.dirname, "../../../scripts/causeway");

it("ends with 130 and without a word when it is interrupted while an agent does not answer", async () => {
  const { config, runtimeDir } = configFile();
  const agent = createServer().listen(join(runtimeDir, "view.sock"));
  onTestFinished(() => void agent.close());
  await once(agent, "listening");
  const verb = spawn(PROGRAM, ["status", "--config", config, "--timeout", "50"], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void verb.kill("SIGKILL"));
  let said = "";
  for (const stream of [verb.stdout, verb.stderr]) stream.on("data", (part) => (said += part));
  const asked = await new Promise<Socket>((resolve) => void agent.once("connection", resolve));
  onTestFinished(() => void asked.destroy());
  await once(asked, "data");
  verb.kill("SIGINT");
  await once(verb, "exit");
  expect([verb.exitCode, said]).toEqual([130, ""]);
});
