import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type CanBus, EVERY_FRAME, type FrameFilter } from "../../../../agent/ports/can-bus.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { createSocketcandBus } from "../../../../drivers/can/socketcand-bus.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { until } from "../../../bench/core/wait.ts";
import { startHub } from "../../../bench/vehicle/socketcand-hub.ts";
import { frameOf, RecordingSink } from "../../../contract/can-bus.suite.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startBus(
  port: number,
  filters: readonly FrameFilter[] = EVERY_FRAME,
  log = new MemoryLog(),
): Promise<{ readonly bus: CanBus; readonly sink: RecordingSink }> {
  const sink = new RecordingSink();
  const parts = { clock: systemClock(), log, random: () => 0.1 };
  const bus = createSocketcandBus({ name: "can0", host: "127.0.0.1", port, interface: "can0", filters }, parts);
  await bus.start(sink);
  closers.push(() => bus.stop());
  return { bus, sink };
}

/** A server that does as the test says. */
async function startServer(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

/** Answers the handshake, and then sends `afterwards`. */
function greet(socket: Socket, afterwards: string | Buffer): void {
  socket.write("< hi >");
  socket.on("data", (chunk) => {
    if (chunk.includes("open")) socket.write("< ok >");
    if (chunk.includes("rawmode")) {
      socket.write("< ok >");
      socket.write(afterwards);
    }
  });
}

describe("createSocketcandBus", () => {
  it("starts absent while nothing listens, and connects as soon as something does", async () => {
    const first = await startHub();
    const { port } = first;
    await first.stop();
    const { sink } = await startBus(port);
    expect(sink.states).toEqual(["absent"]);
    const hub = await startHub({ port });
    closers.push(() => hub.stop());
    await sink.waitForState("up");
  });

  it("comes back after a lost connection and receives again", async () => {
    const hub = await startHub();
    closers.push(() => hub.stop());
    const { sink } = await startBus(hub.port);
    for (let round = 1; round <= 3; round += 1) {
      hub.disconnectAll();
      await until(() => sink.states.length >= round * 2 + 1 || undefined, { what: "back up", timeoutMs: 20_000 });
      hub.inject("can0", frameOf(round, [round]));
      await sink.waitForFrames(round);
    }
    expect(sink.states).toEqual(["up", "absent", "up", "absent", "up", "absent", "up"]);
  });

  it("is absent, with the server's words, for a bus that the server does not have", async () => {
    const hub = await startHub({ buses: ["can7"] });
    closers.push(() => hub.stop());
    const { sink } = await startBus(hub.port);
    expect(sink.states).toEqual(["absent"]);
  });

  it("gives its filters' frames only, and counts those it holds back", async () => {
    const hub = await startHub();
    closers.push(() => hub.stop());
    const { bus, sink } = await startBus(hub.port, [{ id: 0x100, mask: 0x700, extended: false }]);
    for (const id of [0x0ff, 0x100, 0x200, 0x1ab]) hub.inject("can0", frameOf(id, [1]));
    hub.inject("can0", frameOf(0x100, [1], FRAME_FLAG.extended));
    hub.inject("can0", frameOf(0x004, [0, 0x10, 0, 0, 0, 0, 0, 0], FRAME_FLAG.error));
    await sink.waitForState("error-passive");
    expect(sink.frames.map((frame) => frame.id)).toEqual([0x100, 0x1ab, 0x004]);
    expect(bus.counters()).toMatchObject({ received: 2, errorFrames: 1, dropped: undefined });
    expect(bus.filtered()).toBe(3);
  });

  it("reads on after nonsense and warns of it once", async () => {
    const log = new MemoryLog();
    const noise = Buffer.from("\0\xff<<<>><>< frame zz >< frame 1 >< unknown 1 >", "latin1");
    const port = await startServer((socket) => {
      greet(socket, Buffer.concat([noise, Buffer.alloc(3000, "x"), Buffer.from("< frame 123 1.5 AB >")]));
    });
    const { sink } = await startBus(port, EVERY_FRAME, log);
    await sink.waitForFrames(1);
    expect(sink.frames[0]).toMatchObject({ id: 0x123, receivedAtUs: 1_500_000 });
    expect(log.of("bus.input-malformed")).toHaveLength(1);
  });

  it("reads a greeting and answers that come byte by byte", async () => {
    const port = await startServer((socket) => {
      const text = "< hi >< ok >< ok >< frame 123 1.000001 0102 >";
      let at = 0;
      const timer = setInterval(() => {
        if (at < text.length) socket.write(text[at++]);
        else clearInterval(timer);
      }, 1);
      socket.on("close", () => clearInterval(timer));
    });
    const { sink } = await startBus(port);
    await sink.waitForFrames(1);
    expect(sink.states).toEqual(["up"]);
  });

  it("rejects to send while there is no connection, and a frame that no bus could carry", async () => {
    const hub = await startHub();
    const { bus, sink } = await startBus(hub.port);
    await expect(bus.send(frameOf(0x800, []))).rejects.toMatchObject({ code: "bus.transmit-failed" });
    await expect(bus.send(frameOf(1, new Uint8Array(9)))).rejects.toMatchObject({ code: "bus.transmit-failed" });
    await hub.stop();
    await sink.waitForState("absent");
    await expect(bus.send(frameOf(1, []))).rejects.toMatchObject({ code: "bus.transmit-failed" });
  });

  it("stops while it is still trying to connect", async () => {
    const port = await startServer(() => undefined);
    const parts = { clock: systemClock(), log: new MemoryLog(), random: () => 0.1 };
    const bus = createSocketcandBus(
      { name: "can0", host: "127.0.0.1", port, interface: "can0", filters: EVERY_FRAME },
      parts,
    );
    const sink = new RecordingSink();
    const starting = bus.start(sink);
    await bus.stop();
    await starting;
    expect(sink.calls).toEqual([]);
  });
});

describe("startHub", () => {
  it("speaks as python-can expects it: greeting, two answers, frames in its form", async () => {
    const hub = await startHub();
    closers.push(() => hub.stop());
    const heard: string[] = [];
    const client = connect(hub.port, "127.0.0.1");
    client.on("data", (chunk) => heard.push(chunk.toString()));
    closers.push(async () => void client.destroy());
    const said = async (text: string): Promise<void> => {
      await until(() => heard.join("").endsWith(text) || undefined, { what: text, timeoutMs: 20_000, everyMs: 2 });
    };
    await said("< hi >");
    client.write("< open can0 >");
    await said("< hi >< ok >");
    client.write("< rawmode >");
    await said("< hi >< ok >< ok >");
    hub.inject("can0", frameOf(0x123, [0x0a, 0xff]));
    await said(" 0AFF >");
    expect(heard.join("")).toMatch(/^< hi >< ok >< ok >< frame 123 \d+\.\d{6} 0AFF >$/);
    client.write("< send 124 1 5 >< echo >< nonsense >");
    await said("< echo >< error unknown command >");
    expect(hub.counters()).toMatchObject({ sent: 1, malformed: 1 });
  });

  it("gives a frame to all others on the same bus, and not back to its sender", async () => {
    const hub = await startHub({ buses: ["can0", "can1"] });
    closers.push(() => hub.stop());
    const [one, two, three] = [await startBus(hub.port), await startBus(hub.port), await startBus(hub.port)];
    await one.bus.send(frameOf(0x111, [1]));
    await two.bus.send(frameOf(0x222, [2]));
    await three.sink.waitForFrames(2);
    await one.sink.waitForFrames(1);
    await two.sink.waitForFrames(1);
    expect(one.sink.frames.map((frame) => frame.id)).toEqual([0x222]);
    expect(two.sink.frames.map((frame) => frame.id)).toEqual([0x111]);
    expect(hub.counters()).toMatchObject({ sent: 2, delivered: 4, dropped: 0 });
    expect(hub.clients()).toBe(3);
  });
});
