import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { until } from "../../../bench/core/wait.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { type CliRun, runCli } from "../../../fakes/daemon/cli-runner.ts";
import { statusWith } from "../../../fakes/daemon/status.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";

/** Runs the verb until the test has finished; gives what it printed first. */
async function serve(...args: readonly string[]): Promise<{ printed: string; end: () => Promise<CliRun> }> {
  const config = await serveView({ status: () => statusWith() });
  const interrupt = new AbortController();
  const printed: string[] = [];
  const running = runCli(["ui", "--config", config, ...args], {
    signal: interrupt.signal,
    clock: systemClock(),
    onStdout: (text) => printed.push(text),
  });
  running.catch(() => undefined);
  const end = async (): Promise<CliRun> => {
    interrupt.abort();
    return await running;
  };
  onTestFinished(async () => void (await end().catch(() => undefined)));
  const first = await Promise.race([
    until(() => printed[0], { what: "the verb prints its address", timeoutMs: 20_000 }),
    running.then(() => ""),
  ]);
  return { printed: first, end };
}

async function get(
  options: { readonly socketPath: string },
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const asking = request({ ...options, path, headers: { host: "localhost", ...headers } });
  asking.end();
  return await new Promise((resolve, reject) => {
    asking.on("error", reject);
    asking.on("response", (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
  });
}

/** Any text that holds `part`. */
const holding = (part: string): unknown => expect.stringContaining(part);

describe("causeway ui", () => {
  it("prints an address with a key of its own, and ends when it is interrupted", async () => {
    const { printed, end } = await serve("--port", "0");
    const { origin, hash } = new URL(printed.trim());
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(hash).toMatch(/^#[\w-]{32}$/);
    const other = await serve("--port", "0");
    expect(new URL(other.printed.trim()).hash).not.toBe(hash);
    const headers = { authorization: `Bearer ${hash.slice(1)}` };
    const answer = await fetch(`${origin}/events`, { headers });
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
    expect((await end()).stderr).toContain("The page only shows.");
    await expect(fetch(origin)).rejects.toThrow("fetch failed");
  });

  it("gives one object with --json", async () => {
    const { printed } = await serve("--port", "0", "--json", "--admin");
    expect(JSON.parse(printed)).toMatchObject({
      schemaVersion: 1,
      role: "admin",
      url: holding("http://127.0.0.1:"),
    });
  });

  it.each([
    [[], 0o660],
    [["--admin"], 0o600],
  ] as const)("answers on a socket that nobody else may use: %j", async (args, mode) => {
    const socketPath = join(temporaryFolder(), "ui.sock");
    const { printed, end } = await serve("--socket", socketPath, ...args);
    expect(statSync(socketPath).mode & 0o777).toBe(mode);
    const token = new URL(printed.trim()).hash.slice(1);
    expect(await get({ socketPath }, "/", {})).toBe(200);
    expect(await get({ socketPath }, "/events", {})).toBe(401);
    expect(await get({ socketPath }, "/events", { authorization: `Bearer ${token}` })).toBe(200);
    await end();
    expect(existsSync(socketPath)).toBe(false);
  });

  it("makes the folder of a socket, for its owner alone", async () => {
    const folder = join(temporaryFolder(), "new");
    expect((await serve("--socket", join(folder, "ui.sock"))).printed).not.toBe("");
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it("says what stands against a place", async () => {
    const taken = createServer();
    onTestFinished(() => void taken.close());
    taken.listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await expect(serve("--port", String(port))).rejects.toMatchObject({
      code: "usage.invalid",
      remedy: holding("--port"),
    });
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    await expect(serve("--socket", file)).rejects.toMatchObject({
      code: "output.unwritable",
      message: holding(file),
    });
    await expect(serve("--socket", "x", "--port", "1")).rejects.toMatchObject({ code: "usage.invalid" });
  });
});
