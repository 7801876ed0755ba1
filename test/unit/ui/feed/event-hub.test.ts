import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { EventHub, type Snapshot } from "../../../../agent/ui/feed/event-hub.ts";
import { until } from "../../../bench/core/wait.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const LARGE = "x".repeat(100_000);
const PATIENCE = { timeoutMs: 20_000 };

/** A hub behind a server, and a tab that reads only when it is told to. */
async function tabOf(
  clock: ManualClock,
  snapshot: Snapshot,
): Promise<{ hub: EventHub; tab: Socket; text: () => string }> {
  const hub = new EventHub(clock, snapshot);
  const server = createServer((_request, response) => hub.attach(response, () => undefined));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const tab = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  onTestFinished(() => void tab.destroy());
  const chunks: string[] = [];
  tab.setEncoding("utf8");
  tab.on("data", (chunk: string) => chunks.push(chunk));
  tab.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await until(() => (hub.counts.tabs === 1 ? true : undefined), { what: "the tab is there", ...PATIENCE });
  return { hub, tab, text: () => chunks.join("") };
}

/** Sends until the tab is too far behind. */
async function fallBehind(hub: EventHub): Promise<void> {
  await until(
    () => {
      hub.send("samples", LARGE);
      return hub.counts.skipped > 0 ? true : undefined;
    },
    { what: "the tab is behind", everyMs: 1, ...PATIENCE },
  );
}

describe("the events for tabs", () => {
  it("gives a tab that comes the state of things, and then each event with its number", async () => {
    const { hub, text } = await tabOf(new ManualClock(), () => [["agent", { state: "up" }]]);
    hub.send("status", { t: 1 });
    hub.send("status", { t: 2 });
    await until(() => (text().includes('{"t":2}') ? true : undefined), { what: "both came", ...PATIENCE });
    expect(text()).toContain("retry: 1000\n\n");
    expect(text()).toContain('event: at\ndata: {"event":0}\n\n');
    expect(text().indexOf('event: agent\ndata: {"state":"up"}')).toBeGreaterThan(0);
    expect(text()).toContain('id: 1\nevent: status\ndata: {"t":1}\n\n');
    expect(text()).toContain('id: 2\nevent: status\ndata: {"t":2}\n\n');
  });

  it("leaves out a tab that does not keep up, without holding more than a bound, then tells it so and how things are", async () => {
    let looks = 0;
    const { hub, tab, text } = await tabOf(new ManualClock(), () => [["look", (looks += 1)]]);
    tab.pause();
    await fallBehind(hub);
    for (let more = 0; more < 9; more++) hub.send("samples", LARGE);
    const { skipped } = hub.counts;
    expect(skipped).toBeGreaterThanOrEqual(10);
    expect(looks).toBe(1);
    tab.resume();
    await until(
      () => {
        hub.send("status", 1);
        return text().includes("event: skipped") ? true : undefined;
      },
      { what: "the tab is told", ...PATIENCE },
    );
    const told = Number(/event: skipped\ndata: \{"events":(\d+)\}/.exec(text())?.[1]);
    expect(told).toBeGreaterThanOrEqual(skipped);
    await until(() => (text().includes("event: look\ndata: 2") ? true : undefined), {
      what: "a snapshot",
      ...PATIENCE,
    });
  });

  it("ends a tab that stays behind for half a minute", async () => {
    const clock = new ManualClock();
    const { hub, tab } = await tabOf(clock, () => []);
    tab.pause();
    await fallBehind(hub);
    clock.advance(29_000);
    hub.send("status", 1);
    expect(hub.counts.ended).toBe(0);
    clock.advance(1000);
    hub.send("status", 1);
    expect(hub.counts.ended).toBe(1);
    await until(() => (hub.counts.tabs === 0 ? true : undefined), { what: "it has gone", ...PATIENCE });
  });
});
