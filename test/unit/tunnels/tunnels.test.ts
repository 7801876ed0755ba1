import { describe, expect, it } from "vitest";
import { createFrameReader } from "../../../agent/tunnels/frames.ts";
import { takeNotification } from "../../../agent/tunnels/notification.ts";
import { openTunnel } from "../../../agent/tunnels/open-tunnel.ts";
import { type TunnelRequest, type TunnelSettings, Tunnels } from "../../../agent/tunnels/tunnels.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { readRelayFrame, relayFrame, TYPE } from "../../bench/cloud/tunnel-frames.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeTunnelService, fakeLocals } from "../../fakes/tunnels/service.ts";

const MINUTE_MS = 60_000;
const TOKEN = "CANARY-access-token";
const REQUEST: TunnelRequest = {
  accessToken: TOKEN,
  region: "eu-central-1",
  services: undefined,
  minutes: undefined,
};
const never = new AbortController().signal;
const readFrame = createFrameReader(readDescriptor("tunnel"));

function rig(change: Partial<TunnelSettings> = {}) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const service = new FakeTunnelService();
  const { locals, openLocal } = fakeLocals();
  const records: string[] = [];
  const vehicle: { isDriving: boolean | undefined } = { isDriving: undefined };
  let tokens = 0;
  const tunnels = new Tunnels({
    settings: {
      services: new Map([
        ["SSH", 22],
        ["VNC", 5900],
      ]),
      regions: ["eu-central-1"],
      endpoint: "data.{region}.example:8443",
      bounds: { maxMs: 60 * MINUTE_MS, idleMs: 10 * MINUTE_MS },
      maxTunnels: 1,
      maxStreams: 2,
      needsConsent: false,
      endsWhenDriving: false,
      ...change,
    },
    dial: service.dial,
    local: { readFrame, openLocal },
    isDriving: () => vehicle.isDriving,
    record: (event, detail) => records.push(`${event} ${detail}`),
    token: () => `token-${++tokens}`,
    random: () => 0.5,
    runtime: { clock, log },
  });
  return { clock, log, service, locals, records, vehicle, tunnels };
}

/** Opens one, and gives its first WebSocket. */
async function opened(one: ReturnType<typeof rig>, request: TunnelRequest = REQUEST) {
  const tunnel = one.tunnels.open(request, "command");
  if ("kind" in tunnel) throw new Error(tunnel.detail);
  await one.clock.run(0);
  const [socket] = one.service.sockets;
  if (socket === undefined) throw new Error("nothing was connected");
  return { tunnel, socket };
}

const stream = { streamId: 1, serviceId: "SSH", connectionId: 1 };
const begin = relayFrame({ type: TYPE.streamStart, ...stream });
const data = (text: string): Buffer => relayFrame({ type: TYPE.data, ...stream, payload: Buffer.from(text) });

describe("tunnels", () => {
  it("carry bytes between the source and the port of a service, and account for them", async () => {
    const one = rig();
    const { tunnel, socket } = await opened(one);
    expect(one.service.targets).toEqual([
      { host: "data.eu-central-1.example", port: 8443, accessToken: TOKEN, clientToken: "token-1" },
    ]);
    expect(socket.isPaused).toBe(false);
    socket.handlers.onBytes(Buffer.concat([begin, data("in")]));
    const [local] = one.locals;
    expect(local?.port).toBe(22);
    expect(Buffer.concat(local?.written ?? []).toString()).toBe("in");
    local?.handlers.onBytes(Buffer.from("out!"));
    expect(readRelayFrame(Buffer.from(socket.sent[0]?.subarray(2) ?? []))).toEqual({
      type: TYPE.data,
      ...stream,
      payload: Buffer.from("out!"),
    });
    local?.handlers.onEnded("");
    expect(readRelayFrame(Buffer.from(socket.sent[1]?.subarray(2) ?? []))).toEqual({
      type: TYPE.connectionReset,
      ...stream,
    });
    expect(tunnel.reading()).toMatchObject({ connections: 0, opened: 1, bytesIn: 2, bytesOut: 4 });
    tunnel.close({ reason: "closed", detail: "at the vehicle" });
    await one.clock.run(1000);
    expect(one.records).toEqual([
      "tunnel.opened tunnel 1 by command, SSH and VNC, region eu-central-1",
      "tunnel.connection-opened tunnel 1, SSH",
      "tunnel.connection-ended tunnel 1, SSH, 2 bytes in, 4 out",
      "tunnel.ended tunnel 1, closed (at the vehicle) after 0 s: connections 1, WebSockets 1, 2 bytes in, 4 out",
    ]);
    expect(JSON.stringify([one.records, one.log.entries, one.tunnels.list()])).not.toContain("CANARY");
  });

  it("read no more from the side whose bytes the other does not take", async () => {
    const one = rig();
    const { socket } = await opened(one);
    socket.handlers.onBytes(begin);
    const [local] = one.locals;
    if (local === undefined) throw new Error("no connection");
    local.takesMore = false;
    socket.handlers.onBytes(data("x"));
    expect(socket.isPaused).toBe(true);
    local.handlers.onDrain();
    expect(socket.isPaused).toBe(false);
    socket.handlers.onBytes(data("x"));
    local.handlers.onEnded("");
    expect(socket.isPaused).toBe(false);
    socket.takesMore = false;
    socket.handlers.onBytes(relayFrame({ type: TYPE.streamStart, ...stream, streamId: 2 }));
    const second = one.locals[1];
    second?.handlers.onBytes(Buffer.from("x"));
    expect(second?.isPaused).toBe(true);
    socket.handlers.onDrain();
    expect(second?.isPaused).toBe(false);
  });

  it("come back after a cut with the same client token, later and later while that fails", async () => {
    const one = rig();
    const { socket, tunnel } = await opened(one);
    socket.handlers.onBytes(begin);
    const failed = { kind: "failed", detail: "no route" } as const;
    one.service.answers.push(failed, failed, failed);
    socket.handlers.onClosed("reset");
    expect(one.locals[0]?.hasEnded).toBe(true);
    // 3/4 of 500 ms, of 1, 2 and 4 s.
    await one.clock.run(8000);
    expect(one.service.targets.map(({ clientToken }) => clientToken)).toEqual(Array(5).fill("token-1"));
    expect(tunnel.reading()).toMatchObject({ state: "open", connects: 2 });
    expect(one.records.at(-1)).toBe("tunnel.connection-ended tunnel 1, SSH, 0 bytes in, 0 out, reset");
  });

  it("come back later and later, too, where each WebSocket is taken and ended at once", async () => {
    const one = rig();
    await opened(one);
    const endAt = async (ms: number): Promise<number> => {
      for (let passedMs = 0; passedMs < ms; passedMs += 250) {
        one.service.sockets.at(-1)?.handlers.onClosed("closed by the service (1011)");
        await one.clock.run(250);
      }
      return one.service.targets.length;
    };
    // After 375 and 750 ms, 1.5, 3, 6, 12 and 22.5 s, and so on each 22.5 s.
    expect(await endAt(60_000)).toBe(8);
    expect(await endAt(120_000)).toBe(13);
    // One that lasts is a good one.
    await one.clock.run(25_000);
    const before = one.service.targets.length;
    expect(await endAt(500)).toBe(before + 1);
  });

  it("come back at once after a WebSocket that carried bytes, however short it was", async () => {
    const one = rig();
    await opened(one);
    for (let cut = 1; cut <= 50; cut++) {
      const socket = one.service.sockets.at(-1);
      socket?.handlers.onBytes(Buffer.concat([begin, data("x")]));
      socket?.handlers.onClosed("reset");
      await one.clock.run(400);
      expect(one.service.targets.length).toBe(cut + 1);
    }
  });

  it("end for good when the service says no, and when it breaks the rules", async () => {
    const one = rig({ maxTunnels: 2 });
    one.service.answers.push({ kind: "refused", status: 403, detail: "HTTP 403" });
    const tunnel = one.tunnels.open(REQUEST, "command");
    expect("kind" in tunnel ? undefined : await tunnel.connected).toEqual({ reason: "refused", detail: "HTTP 403" });
    await one.clock.run(0);
    const { socket } = await opened(one);
    socket.handlers.onBytes(Buffer.from([0, 1, 0xff]));
    await one.clock.run(60_000);
    expect(socket.isClosed).toBe(true);
    expect(one.service.targets.length).toBe(2);
    expect(one.records.at(-1)).toContain("violated (what came is no frame)");
  });

  it("end when their time is over, and when nothing was moved for long", async () => {
    const one = rig();
    const { socket } = await opened(one, { ...REQUEST, minutes: 20 });
    socket.handlers.onBytes(begin);
    for (let minute = 0; minute < 19; minute++) {
      socket.handlers.onBytes(data("x"));
      await one.clock.run(MINUTE_MS);
    }
    expect(one.tunnels.list().length).toBe(1);
    await one.clock.run(MINUTE_MS + 1000);
    expect(one.records.at(-1)).toContain("tunnel 1, time (its time is over) after 1200 s");
    const idle = rig();
    await opened(idle);
    await idle.clock.run(10 * MINUTE_MS + 1000);
    expect(idle.records.at(-1)).toContain("tunnel 1, idle (nothing was moved) after 600 s");
    expect(idle.tunnels.list()).toEqual([]);
  });

  it("count the time of a suspend too", async () => {
    const one = rig();
    await opened(one);
    one.clock.suspend(60 * MINUTE_MS);
    await one.clock.run(1000);
    expect(one.tunnels.list()).toEqual([]);
  });

  it("end when the vehicle begins to drive, and none is opened while it does", async () => {
    const one = rig({ endsWhenDriving: true });
    await opened(one);
    one.vehicle.isDriving = true;
    one.tunnels.driving();
    await one.clock.run(1000);
    expect(one.records.at(-1)).toContain("tunnel 1, driving (the vehicle is in use)");
    expect(one.tunnels.open(REQUEST, "command")).toMatchObject({ cause: "driving" });
    const other = rig();
    await opened(other);
    other.tunnels.driving();
    expect(other.tunnels.list().length).toBe(1);
  });

  it("wait for the consent of a person, where it is wanted", async () => {
    const one = rig({ needsConsent: true });
    expect(one.tunnels.open(REQUEST, "command")).toMatchObject({ cause: "consent" });
    one.tunnels.allow(30 * MINUTE_MS);
    expect(one.tunnels.consentMs()).toBe(30 * MINUTE_MS);
    await opened(one);
    one.tunnels.allow(0);
    expect([one.tunnels.consentMs(), one.tunnels.list().length]).toEqual([undefined, 1]);
    one.tunnels.allow(MINUTE_MS);
    one.clock.advance(MINUTE_MS);
    expect(one.tunnels.consentMs()).toBeUndefined();
  });

  it("are refused for another region, an unlisted service, too long a time, and beyond their number", async () => {
    const one = rig();
    const causes = [{ region: "us-east-1" }, { services: ["SSH", "RDP"] }, { services: [] }, { minutes: 61 }].map(
      (change) => one.tunnels.open({ ...REQUEST, ...change }, "notification"),
    );
    expect(causes).toMatchObject([
      { cause: "region", detail: "region us-east-1 is not in tunnels.regions" },
      { cause: "service" },
      { cause: "service" },
      { cause: "minutes" },
    ]);
    await opened(one);
    expect(one.tunnels.open({ ...REQUEST, accessToken: "another" }, "command")).toMatchObject({ cause: "busy" });
    expect(one.tunnels.open(REQUEST, "command")).toMatchObject({ detail: "this tunnel is open already" });
    expect(one.tunnels.counts()).toEqual({ opened: 1, refused: 6 });
  });

  it("leave no more than so many records of refusals", () => {
    const one = rig();
    for (let count = 0; count < 1000; count++) one.tunnels.open({ ...REQUEST, region: "x" }, "notification");
    expect([one.records.length, one.tunnels.counts().refused]).toEqual([30, 1000]);
  });

  it("end with the agent", async () => {
    const one = rig();
    const { socket } = await opened(one);
    const stopped = one.tunnels.stop();
    await one.clock.run(0);
    await stopped;
    expect(socket.isClosed).toBe(true);
    expect(one.records.at(-1)).toContain("stopped (the agent ends)");
    expect(one.tunnels.open(REQUEST, "command")).toMatchObject({ detail: "the agent ends" });
  });
});

describe("tunnel.open", () => {
  const run = async (one: ReturnType<typeof rig>, given: Readonly<Record<string, unknown>>, signal = never) => {
    const prepared = openTunnel(one.tunnels).prepare(given);
    if (prepared.kind === "rejected") return prepared;
    return prepared.unsafe() ?? (await prepared.run(signal, () => undefined));
  };
  const asked = { token: TOKEN, region: "eu-central-1" };

  it("is of class R2, and succeeds once the service has taken the token", async () => {
    const one = rig();
    expect(openTunnel(one.tunnels).commandClass).toBe("R2");
    expect(await run(one, { ...asked, services: "SSH", minutes: 5 })).toEqual({ kind: "done", result: {} });
    expect(one.tunnels.list()).toMatchObject([{ services: ["SSH"], leftMs: 5 * MINUTE_MS }]);
    expect(await run(one, asked)).toMatchObject({ kind: "rejected", code: "BUSY" });
  });

  it("says what is wrong with what was asked, and never the token", async () => {
    const cases = [
      [{ region: "eu-central-1" }, "ARGUMENT_TYPE_MISMATCH"],
      [{ ...asked, token: "CANARY with\r\nheader: x" }, "ARGUMENT_TYPE_MISMATCH"],
      [{ ...asked, region: "us-east-1" }, "ARGUMENT_OUT_OF_RANGE"],
      [{ ...asked, services: ["RDP"] }, "ARGUMENT_OUT_OF_RANGE"],
      [{ ...asked, port: 22 }, "ARGUMENT_TYPE_MISMATCH"],
    ] as const;
    for (const [given, code] of cases) {
      const outcome = await run(rig(), given);
      expect(outcome).toMatchObject({ kind: "rejected", code });
      expect(JSON.stringify(outcome)).not.toContain("CANARY");
    }
    const consent = rig({ needsConsent: true });
    expect(await run(consent, asked)).toMatchObject({ kind: "rejected", code: "PRECONDITION_FAILED" });
  });

  it("fails where the service says no, and where it is not reached in time", async () => {
    const one = rig();
    one.service.answers.push({ kind: "refused", status: 401, detail: "HTTP 401" });
    expect(await run(one, asked)).toMatchObject({
      kind: "failed",
      code: "UNAVAILABLE",
      description: "refused HTTP 401",
    });
    await one.clock.run(0);
    one.service.answers.push({ kind: "failed", detail: "no route" });
    const late = new AbortController();
    const running = run(one, asked, late.signal);
    await one.clock.run(0);
    late.abort();
    expect(await running).toMatchObject({ kind: "failed", description: "the service was not reached in time" });
    await one.clock.run(1000);
    expect(one.tunnels.list()).toEqual([]);
  });
});

describe("a notification of the service", () => {
  const notification = {
    clientAccessToken: TOKEN,
    clientMode: "destination",
    region: "eu-central-1",
    services: ["SSH"],
  };
  const take = (one: ReturnType<typeof rig>, document: unknown, forbidden?: string): void =>
    takeNotification(Buffer.from(JSON.stringify(document)), one.tunnels, () => forbidden);

  it("opens a tunnel for the services that it names, where the policy allows it", () => {
    const one = rig();
    take(one, notification, "no rule of the policy allows tunnel.notify");
    expect(one.tunnels.list()).toEqual([]);
    expect(one.records.at(-1)).toBe("tunnel.refused by notification: no rule of the policy allows tunnel.notify");
    take(one, notification);
    expect(one.tunnels.list()).toMatchObject([{ services: ["SSH"] }]);
  });

  it("for a source, or that is none, opens nothing", () => {
    const one = rig();
    take(one, { ...notification, clientMode: "source" });
    take(one, { ...notification, clientAccessToken: "a\nb" });
    take(one, { ...notification, services: Array(100).fill("SSH") });
    takeNotification(Buffer.from([0xff, 0xfe]), one.tunnels, () => undefined);
    takeNotification(Buffer.alloc(100_000, 32), one.tunnels, () => undefined);
    expect(one.tunnels.list()).toEqual([]);
    expect(one.tunnels.counts().refused).toBe(5);
  });
});
