import { createHash } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Tunnel } from "../../../agent/tunnels/tunnel.ts";
import type { TunnelOrigin, TunnelRefusal, Tunnels } from "../../../agent/tunnels/tunnels.ts";
import { createProxyRule } from "../../../drivers/os/http-proxy.ts";
import { startTinyproxy } from "../../bench/broker/tinyproxy.ts";
import { SshServer } from "../../bench/cloud/ssh-server.ts";
import { relayFrame, TYPE } from "../../bench/cloud/tunnel-frames.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { until } from "../../bench/core/wait.ts";
import { startTunnelRig, type TunnelRig } from "../../fakes/tunnels/tunnel-rig.ts";

const PATIENCE_MS = 20_000;
const SEED = 18;
const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function randomBytes(count: number, seed: number): Buffer {
  const random = seededRandom(seed);
  return Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256)));
}

function openedBy(
  tunnels: Tunnels,
  accessToken: string,
  services?: readonly string[],
  origin: TunnelOrigin = "command",
): Tunnel {
  const opened: Tunnel | TunnelRefusal = tunnels.open(
    { accessToken, region: "eu-central-1", services, minutes: undefined },
    origin,
  );
  if ("kind" in opened) throw new Error(opened.detail);
  return opened;
}

describe("a tunnel to a real sshd", () => {
  let rig: TunnelRig;
  let sshd: SshServer;
  let tunnels: Tunnels;

  beforeAll(async () => {
    rig = await startTunnelRig();
    sshd = await SshServer.start(rig.folder);
    tunnels = rig.tunnels(new Map([["SSH", sshd.port]]));
  }, PATIENCE_MS);
  afterAll(async () => {
    await sshd.stop();
    await rig.stop();
  });

  it(
    "lets ssh in, and brings some MB both ways at once, byte by byte, in each version of the protocol",
    async () => {
      const sent = randomBytes(2_000_000, SEED);
      for (const versions of [[3], [2], [1]] as const) {
        rig.relay.faults.versions = versions;
        const { accessToken, ports } = await rig.relay.open();
        const tunnel = openedBy(tunnels, accessToken);
        expect(await tunnel.connected).toBeUndefined();
        const { code, output } = await sshd.run(ports.get("SSH") ?? 0, "cat", sent);
        expect([code, digestOf(output)]).toEqual([0, digestOf(sent)]);
        expect(tunnel.reading()).toMatchObject({ state: "open", connects: 1, opened: 1 });
        tunnel.close({ reason: "closed", detail: "" });
      }
      rig.relay.faults.versions = [3, 2, 1];
      await until(() => (tunnels.list().length === 0 ? true : undefined), { what: "the ends", timeoutMs: PATIENCE_MS });
      expect(rig.relay.violations).toEqual([]);
      const ended = rig.records.filter((record) => record.startsWith("tunnel.ended"));
      expect(ended.length).toBe(3);
      for (const record of ended)
        expect(record).toMatch(/closed after \d+ s: connections 1, WebSockets 1, 2\d{6} bytes in, 2\d{6} out/);
    },
    PATIENCE_MS,
  );

  it(
    "goes through the HTTP proxy, where the configuration names one",
    async () => {
      const { relay } = rig;
      const proxy = await startTinyproxy({ folder: join(rig.folder, "proxy"), ports: [relay.port] });
      const settings = { host: "127.0.0.1", port: proxy.port, exclude: [] };
      const proxyFor = createProxyRule({ settings, credentialsDirectory: undefined });
      const through = rig.tunnels(new Map([["SSH", sshd.port]]), {}, proxyFor);
      const { accessToken, ports } = await relay.open();
      expect(await openedBy(through, accessToken).connected).toBeUndefined();
      expect((await sshd.run(ports.get("SSH") ?? 0, "echo hello")).output.toString()).toBe("hello\n");
      expect(proxy.log()).toContain(`CONNECT localhost:${relay.port}`);
      await through.stop();
      await proxy.stop();
    },
    PATIENCE_MS,
  );

  it(
    "comes back with the same client token after each cut, until all has arrived",
    async () => {
      const { accessToken, ports } = await rig.relay.open();
      const tunnel = openedBy(tunnels, accessToken);
      await tunnel.connected;
      const port = ports.get("SSH") ?? 0;
      const parts = Array.from({ length: 3 }, (_, index) => randomBytes(400_000, SEED + index));
      let cuts = 0;
      for (const [index, part] of parts.entries()) {
        const file = `${rig.folder}/part${index}`;
        const running = sshd.run(port, `cat > ${file}`, part);
        if (index % 2 === 0) {
          const before = tunnel.reading().bytesIn;
          await until(() => (tunnel.reading().bytesIn > before + 20_000 ? true : undefined), {
            what: "some of it is there",
            timeoutMs: PATIENCE_MS,
            everyMs: 1,
          });
          rig.relay.cut(accessToken);
          cuts += 1;
          await running;
          await until(() => (rig.relay.isConnected(accessToken) ? true : undefined), {
            what: "it is back",
            timeoutMs: PATIENCE_MS,
          });
          expect((await sshd.run(port, `cat > ${file}`, part)).code).toBe(0);
        } else expect((await running).code).toBe(0);
      }
      const { output } = await sshd.run(port, `cat ${rig.folder}/part[0-2]`);
      expect(digestOf(output)).toBe(digestOf(Buffer.concat(parts)));
      expect(tunnel.reading().connects).toBe(1 + cuts);
      // CloseTunnel: the token is worth nothing any more, and nobody goes on asking.
      rig.relay.close(accessToken);
      await until(() => (tunnels.list().length === 0 ? true : undefined), { what: "the end", timeoutMs: PATIENCE_MS });
      expect(rig.records.at(-1)).toMatch(/^tunnel.ended tunnel \d+, refused \(HTTP 401\)/);
      expect(rig.relay.violations).toEqual([]);
      expect(JSON.stringify([rig.log.entries, rig.records])).not.toContain(accessToken);
    },
    PATIENCE_MS,
  );
});

describe("a tunnel to a relay and to programs that do not keep to the rules", () => {
  let rig: TunnelRig;
  let deaf: Server;
  let heard: number;
  const programs = new Set<Socket>();

  beforeAll(async () => {
    rig = await startTunnelRig(100);
    // Takes no byte, and sends for ever what nobody takes.
    deaf = createServer((socket) => {
      programs.add(socket);
      socket.pause();
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => {
        heard += bytes.length;
      });
    });
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
  }, PATIENCE_MS);
  afterAll(async () => {
    await rig.stop();
    for (const socket of programs) socket.destroy();
    deaf.close();
  });

  async function begin(maxStreams = 8): Promise<{ readonly token: string; readonly tunnel: Tunnel }> {
    heard = 0;
    const address = deaf.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const { accessToken: token } = await rig.relay.open();
    const tunnel = openedBy(rig.tunnels(new Map([["SSH", port]]), { maxStreams }), token);
    expect(await tunnel.connected).toBeUndefined();
    return { token, tunnel };
  }

  it(
    "ends a tunnel for good at bytes that are no frame, and at a service that is not allowed",
    async () => {
      const strange = relayFrame({ type: TYPE.serviceIds, available: ["SSH", "VNC"] });
      for (const content of [Buffer.from([0, 2, 0xff, 0xff]), relayFrame({ type: 99 }), strange]) {
        const { token, tunnel } = await begin();
        const ended = rig.records.length;
        rig.relay.inject(token, content);
        await until(() => (rig.records.slice(ended).some((record) => record.includes("violated")) ? true : undefined), {
          what: "the tunnel ends",
          timeoutMs: PATIENCE_MS,
        });
        expect(tunnel.reading().connections).toBe(0);
      }
    },
    PATIENCE_MS,
  );

  it(
    "comes back after a text message, which is a cut",
    async () => {
      const { token, tunnel } = await begin();
      rig.relay.inject(token, "text");
      await until(() => (tunnel.reading().connects === 2 ? true : undefined), { what: "back", timeoutMs: PATIENCE_MS });
    },
    PATIENCE_MS,
  );

  it(
    "opens no more connections than it may, and not more than so many a minute",
    async () => {
      const { token, tunnel } = await begin(2);
      const flood = (from: number, to: number): void => {
        for (let id = from; id < to; id++) {
          const type = id === 1 ? TYPE.streamStart : TYPE.connectionStart;
          rig.relay.inject(token, relayFrame({ type, streamId: 1, serviceId: "SSH", connectionId: id }));
        }
      };
      flood(1, 500);
      const resets = (): number => rig.relay.frames.get(TYPE.connectionReset) ?? 0;
      await until(() => (resets() >= 497 ? true : undefined), {
        what: "the others are refused",
        timeoutMs: PATIENCE_MS,
      });
      expect(tunnel.reading()).toMatchObject({ connections: 2, opened: 2 });
      for (let id = 1; id < 500; id++) {
        rig.relay.inject(
          token,
          relayFrame({ type: TYPE.streamStart, streamId: id + 1, serviceId: "SSH", connectionId: 1 }),
        );
      }
      await until(() => (resets() >= 497 + 381 ? true : undefined), { what: "the rate", timeoutMs: PATIENCE_MS });
      expect(tunnel.reading().opened).toBe(120);
    },
    PATIENCE_MS,
  );

  it(
    "reads no more from a relay whose bytes nobody takes: memory stays",
    async () => {
      const { token, tunnel } = await begin();
      rig.relay.inject(token, relayFrame({ type: TYPE.streamStart, streamId: 1, serviceId: "SSH", connectionId: 1 }));
      const payload = new Uint8Array(64_512);
      const data = relayFrame({ type: TYPE.data, streamId: 1, serviceId: "SSH", connectionId: 1, payload });
      for (let count = 0; count < 1000; count++) rig.relay.inject(token, data);
      const moved = (): number => tunnel.reading().bytesIn;
      let before = -1;
      // It stands when two looks see the same.
      await until(
        () => {
          const stands = moved() > 0 && moved() === before;
          before = moved();
          return stands ? true : undefined;
        },
        { what: "it stands", timeoutMs: PATIENCE_MS, everyMs: 200 },
      );
      // What the kernel and one chunk of the WebSocket hold, of 64 MB.
      expect(moved()).toBeLessThan(16_000_000);
      expect(heard).toBe(0);
      expect(tunnel.reading().state).toBe("open");
    },
    PATIENCE_MS,
  );

  it(
    "ends with a relay that asks for what is not there and reads no answer, long before those fill the memory",
    async () => {
      const { token, tunnel } = await begin();
      rig.relay.deafen(token);
      const starts = Array.from({ length: 5000 }, (_, at) =>
        relayFrame({ type: TYPE.streamStart, streamId: at + 1, serviceId: "OTHER", connectionId: 1 }),
      );
      // What the kernel takes for a relay that does not read is no bound: so much follows until the agent says so.
      const feed = async (): Promise<true | undefined> => {
        rig.relay.inject(token, Buffer.concat(starts));
        return rig.records.at(-1)?.includes("takes no answer") === true ? true : undefined;
      };
      await until(feed, { what: "the end", timeoutMs: PATIENCE_MS, everyMs: 5 });
      expect(rig.records.at(-1)).toContain("violated (the service asks on and on, and takes no answer)");
      expect(tunnel.passedOver().refused).toBeGreaterThan(1000);
      // All that waited at once are some thousand answers of 17 bytes, not the MB that a full WebSocket has.
      expect(tunnel.passedOver().refused).toBeLessThan(50_000);
    },
    PATIENCE_MS,
  );

  it(
    "outlives 300 broken messages of each kind, whatever they hold",
    async () => {
      const random = seededRandom(SEED);
      const { token, tunnel } = await begin();
      const whole = (): number => Math.floor(random() * 4);
      for (let count = 0; count < 300; count++) {
        const type = 1 + Math.floor(random() * 7);
        const isNamed = type === TYPE.serviceIds ? { available: ["SSH"] } : { serviceId: random() < 0.9 ? "SSH" : "X" };
        const frame = relayFrame({
          type,
          streamId: whole(),
          connectionId: whole(),
          payload: Buffer.from("x"),
          ...isNamed,
        });
        const at = Math.floor(random() * frame.length);
        rig.relay.inject(token, frame.subarray(0, at));
        rig.relay.inject(token, frame.subarray(at));
      }
      await until(() => (tunnel.reading().opened > 10 ? true : undefined), { what: "some", timeoutMs: PATIENCE_MS });
      expect(tunnel.reading()).toMatchObject({ state: "open", connects: 1 });
      expect(tunnel.reading().connections).toBeLessThanOrEqual(8);
    },
    PATIENCE_MS,
  );

  it(
    "leaves a WebSocket that is half open by its pings, and comes back with another",
    async () => {
      const { token, tunnel } = await begin();
      // The link is dead: nothing is read, no ping is answered, and nobody says so.
      rig.relay.deafen(token);
      await until(() => (tunnel.reading().connects === 2 ? true : undefined), { what: "back", timeoutMs: PATIENCE_MS });
      expect(rig.log.entries.filter(({ event }) => event === "tunnel.cut").at(-1)?.facts).toMatchObject({
        detail: "the service is silent",
      });
      expect(tunnel.reading()).toMatchObject({ state: "open", problem: undefined });
    },
    PATIENCE_MS,
  );

  it(
    "backs off from a service that is ill, and gives up at one that says no",
    async () => {
      const { token, tunnel } = await begin();
      rig.relay.faults.status = 503;
      rig.relay.cut(token);
      await until(() => (rig.relay.answered.filter((status) => status === 503).length >= 2 ? true : undefined), {
        what: "two attempts",
        timeoutMs: PATIENCE_MS,
      });
      expect(tunnel.reading().state).toBe("connecting");
      rig.relay.faults.status = undefined;
      await until(() => (tunnel.reading().state === "open" ? true : undefined), {
        what: "back",
        timeoutMs: PATIENCE_MS,
      });
      rig.relay.faults.status = 403;
      rig.relay.faults.answer = `Invalid access token: ${token} was previously used and can not be used again.`;
      rig.relay.cut(token);
      const why = "refused (HTTP 403, the access token was used before: rotate it, and open the tunnel again)";
      await until(() => (rig.records.at(-1)?.includes(why) === true ? true : undefined), {
        what: "given up",
        timeoutMs: PATIENCE_MS,
      });
      expect(JSON.stringify([rig.log.entries, rig.records])).not.toContain(token);
      rig.relay.faults.answer = "";
      rig.relay.faults.status = undefined;
    },
    PATIENCE_MS,
  );
});
