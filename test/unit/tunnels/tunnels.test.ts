import { describe, expect, it } from "vitest";
import { readRelayFrame, relayFrame, TYPE } from "../../bench/cloud/tunnel-frames.ts";
import { opened, REQUEST, TOKEN, tunnelsRig } from "../../fakes/tunnels/tunnels-rig.ts";

const MINUTE_MS = 60_000;
const stream = { streamId: 1, serviceId: "SSH", connectionId: 1 };
const begin = relayFrame({ type: TYPE.streamStart, ...stream });
const data = (text: string): Buffer => relayFrame({ type: TYPE.data, ...stream, payload: Buffer.from(text) });

describe("tunnels", () => {
  it("carry bytes between the source and the port of a service, and account for them", async () => {
    const one = tunnelsRig();
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
    const one = tunnelsRig();
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
    const one = tunnelsRig();
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
    const one = tunnelsRig();
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
    const one = tunnelsRig();
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
    const one = tunnelsRig({ maxTunnels: 2 });
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
    const one = tunnelsRig();
    const { socket } = await opened(one, { ...REQUEST, minutes: 20 });
    socket.handlers.onBytes(begin);
    for (let minute = 0; minute < 19; minute++) {
      socket.handlers.onBytes(data("x"));
      await one.clock.run(MINUTE_MS);
    }
    expect(one.tunnels.list().length).toBe(1);
    await one.clock.run(MINUTE_MS + 1000);
    expect(one.records.at(-1)).toContain("tunnel 1, time (its time is over) after 1200 s");
    const idle = tunnelsRig();
    await opened(idle);
    await idle.clock.run(10 * MINUTE_MS + 1000);
    expect(idle.records.at(-1)).toContain("tunnel 1, idle (nothing was moved) after 600 s");
    expect(idle.tunnels.list()).toEqual([]);
  });

  it("count the time of a suspend too", async () => {
    const one = tunnelsRig();
    await opened(one);
    one.clock.suspend(60 * MINUTE_MS);
    await one.clock.run(1000);
    expect(one.tunnels.list()).toEqual([]);
  });

  it("end when the vehicle begins to drive, and none is opened while it does", async () => {
    const one = tunnelsRig({ endsWhenDriving: true });
    await opened(one);
    one.vehicle.isDriving = true;
    one.tunnels.driving();
    await one.clock.run(1000);
    expect(one.records.at(-1)).toContain("tunnel 1, driving (the vehicle is in use)");
    expect(one.tunnels.open(REQUEST, "command")).toMatchObject({ cause: "driving" });
    const other = tunnelsRig();
    await opened(other);
    other.tunnels.driving();
    expect(other.tunnels.list().length).toBe(1);
  });

  it("tell the link what goes over it, and end when that holds them", async () => {
    const one = tunnelsRig();
    one.vehicle.held = "day budget of wwan0 used";
    expect(one.tunnels.open(REQUEST, "command")).toMatchObject({ cause: "link", detail: "day budget of wwan0 used" });
    one.vehicle.held = undefined;
    const { socket } = await opened(one);
    socket.handlers.onBytes(Buffer.concat([begin, data("in")]));
    one.locals[0]?.handlers.onBytes(Buffer.alloc(100_000));
    const sent = socket.sent.reduce((sum, bytes) => sum + bytes.length, 0);
    expect([one.vehicle.spent, sent > 100_000]).toEqual([[], true]);
    await one.clock.run(1000);
    expect(one.vehicle.spent).toEqual([begin.length + data("in").length + sent]);
    await one.clock.run(5000);
    socket.handlers.onBytes(data("more"));
    one.vehicle.held = "wwan0 is metered";
    await one.clock.run(1000);
    expect(one.vehicle.spent.length).toBe(2);
    expect([socket.isClosed, one.records.at(-1)]).toEqual([true, expect.stringContaining("link (wwan0 is metered)")]);
    expect(one.tunnels.list()).toEqual([]);
  });

  it("wait for the consent of a person, where it is wanted", async () => {
    const one = tunnelsRig({ needsConsent: true });
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
    const one = tunnelsRig();
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
    const moved = { connections: 0, connects: 1, bytesIn: 0, bytesOut: 0 };
    expect(one.tunnels.counts()).toEqual({ opened: 1, refused: 6, untold: 0, ...moved });
  });

  it("leave no more than so many records of refusals", () => {
    const one = tunnelsRig();
    for (let count = 0; count < 1000; count++) one.tunnels.open({ ...REQUEST, region: "x" }, "notification");
    expect([one.records.length, one.tunnels.counts().refused]).toEqual([30, 1000]);
    expect(one.tunnels.counts().untold).toBe(970);
  });

  it("leave records by which each connection and its bytes are known", async () => {
    const one = tunnelsRig({ maxStreams: 8 });
    one.tunnels.open({ ...REQUEST, region: "x" }, "command");
    const { socket, tunnel } = await opened(one, { ...REQUEST, services: ["SSH"] });
    const stream2 = { ...stream, streamId: 2 };
    socket.handlers.onBytes(Buffer.concat([begin, data("abc")]));
    await one.clock.run(1500);
    socket.handlers.onBytes(relayFrame({ type: TYPE.streamStart, ...stream2 }));
    one.locals[1]?.handlers.onBytes(Buffer.from("four"));
    one.locals[1]?.handlers.onEnded("ECONNRESET");
    const before = one.tunnels.counts();
    expect(before).toMatchObject({ connections: 2, connects: 1, bytesIn: 3, bytesOut: 4 });
    tunnel.close({ reason: "closed", detail: "at the vehicle" });
    await one.clock.run(0);
    // They stay when it is over.
    expect(one.tunnels.counts()).toEqual(before);
    // printf %s CANARY-access-token | sha256sum
    const digest = "622480827113c3cf";
    const nothing = { connection: 0, bytesIn: 0, bytesOut: 0, lastedMs: 0, reason: "", detail: "", untold: 0 };
    const of = { ...nothing, tunnel: digest, number: 1, origin: "command", services: ["SSH"], region: "eu-central-1" };
    const counts = { connections: 2, connects: 1, refused: 0, ignored: 0, untold: 0 };
    const detail = "region x is not in tunnels.regions";
    const refusal = { reason: "region", detail, services: ["SSH", "VNC"], region: "x", number: 0 };
    expect(one.events.map(({ timeUs: _timeUs, ...event }) => event)).toEqual(
      [
        { event: "refused", ...refusal },
        { event: "opened" },
        { event: "connection-opened", connection: 1 },
        { event: "connection-ended", connection: 1, bytesIn: 3, lastedMs: 1500 },
        { event: "connection-opened", connection: 2 },
        { event: "connection-ended", connection: 2, bytesOut: 4, detail: "ECONNRESET" },
        { event: "ended", bytesIn: 3, bytesOut: 4, lastedMs: 1500, reason: "closed", detail: "at the vehicle", counts },
      ].map((event) => ({ ...of, counts: undefined, ...event })),
    );
    for (let count = 0; count < 33; count++) one.tunnels.open({ ...REQUEST, region: "x" }, "command");
    await one.clock.run(MINUTE_MS);
    one.tunnels.open({ ...REQUEST, region: "x" }, "command");
    expect(one.events.at(-1)).toMatchObject({ event: "refused", untold: 4 });
  });

  it("tell of connections after a flood of refusals, and count what they do not tell", async () => {
    const one = tunnelsRig({ maxStreams: 64 });
    for (let count = 0; count < 1000; count++) one.tunnels.open({ ...REQUEST, region: "x" }, "notification");
    const { socket, tunnel } = await opened(one);
    // 130 connections one after the other, of which 120 may be opened in a minute, and 40 for a service that is not there.
    for (let connectionId = 1; connectionId <= 130; connectionId++) {
      socket.handlers.onBytes(relayFrame({ type: TYPE.streamStart, ...stream, streamId: connectionId }));
    }
    for (let streamId = 1; streamId <= 40; streamId++) {
      socket.handlers.onBytes(relayFrame({ type: TYPE.streamStart, ...stream, streamId, serviceId: "RDP" }));
    }
    tunnel.close({ reason: "closed", detail: "" });
    await one.clock.run(1000);
    const told = one.records.filter((record) => record.startsWith("tunnel.connection")).length;
    expect(told).toBe(30);
    expect(one.records.at(-1)).toBe(
      "tunnel.ended tunnel 1, closed after 0 s: connections 120, WebSockets 1, 0 bytes in, 0 out, " +
        "50 connections refused, 0 frames passed over, 210 records of connections not made",
    );
    expect(one.tunnels.counts().untold).toBe(970 + 210);
  });

  it("take the place of one whose token was rotated, which has no WebSocket any more", async () => {
    const one = tunnelsRig();
    one.service.answers.push({ kind: "failed", detail: "no route" });
    const first = one.tunnels.open(REQUEST, "command");
    await one.clock.run(0);
    expect(one.tunnels.list()).toMatchObject([{ id: 1, state: "connecting", problem: "no route" }]);
    // Nobody has signed it: it ends nothing that somebody has.
    expect(one.tunnels.open({ ...REQUEST, accessToken: "rotated" }, "notification")).toMatchObject({ cause: "busy" });
    const other = one.tunnels.open({ ...REQUEST, accessToken: "rotated", services: ["VNC"] }, "command");
    expect(other).toMatchObject({ cause: "busy" });
    one.tunnels.open({ ...REQUEST, accessToken: "rotated" }, "command");
    await one.clock.run(1000);
    expect(one.tunnels.list()).toMatchObject([{ id: 2, state: "open", problem: undefined }]);
    expect("kind" in first ? undefined : await first.connected).toMatchObject({ detail: "another token came" });
    expect(one.service.targets.map(({ accessToken }) => accessToken)).toEqual([TOKEN, "rotated"]);
    // One that is open keeps its place.
    expect(one.tunnels.open({ ...REQUEST, accessToken: "third" }, "command")).toMatchObject({ cause: "busy" });
  });

  it("log how the service calls each WebSocket, and why it went", async () => {
    const one = tunnelsRig();
    const { socket } = await opened(one);
    socket.handlers.onClosed("reset");
    await one.clock.run(0);
    expect(one.log.entries.map(({ event, ...rest }) => [event, rest])).toMatchObject([
      ["tunnel.opened", {}],
      ["tunnel.connected", { facts: { tunnel: 1, protocol: 3, channel: "channel-1" } }],
      ["tunnel.cut", { facts: { tunnel: 1, detail: "reset" } }],
    ]);
  });

  it("end with the agent", async () => {
    const one = tunnelsRig();
    const { socket } = await opened(one);
    const stopped = one.tunnels.stop();
    await one.clock.run(0);
    await stopped;
    expect(socket.isClosed).toBe(true);
    expect(one.records.at(-1)).toContain("stopped (the agent ends)");
    expect(one.tunnels.open(REQUEST, "command")).toMatchObject({ detail: "the agent ends" });
  });
});
