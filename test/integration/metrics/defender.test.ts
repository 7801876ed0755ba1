import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { networkState } from "../../../drivers/os/network-state.ts";
import { writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { readDefenderReport } from "../../bench/cloud/defender-report.ts";
import { until } from "../../bench/core/wait.ts";
import { type CommandCloud, startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const PATIENCE = { timeoutMs: 15_000 };
/** What the encoding of somebody else reads in bytes: JSON with the same keys. */
const READ_CBOR = "import sys, json, cbor2; print(json.dumps(cbor2.loads(sys.stdin.buffer.read())))";

function cborByPython(payload: Uint8Array): unknown {
  return JSON.parse(execFileSync("/usr/bin/python3", ["-c", READ_CBOR], { input: payload, encoding: "utf8" }));
}

/** What iproute2 lists, without its addresses: "0.0.0.0:22" is 22. */
function portsBySs(options: string): readonly number[] {
  const lines = execFileSync("ss", ["-Hn", options], { encoding: "utf8" }).trim().split("\n");
  const ports = lines.flatMap((line) => line.trim().split(/\s+/).at(3)?.split(":").at(-1) ?? []).map(Number);
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

function listen(host: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.resume()).listen(0, host, () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("the network as the kernel tells it", () => {
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  const udp = createSocket("udp6");

  beforeAll(async () => {
    servers.push(await listen("127.0.0.1"), await listen("::1"), await listen("0.0.0.0"), await listen("::"));
    for (const [at, host] of ["127.0.0.1", "::1"].entries()) {
      const socket = connect(portOf(servers[at] ?? createServer()), host);
      sockets.push(socket);
      await new Promise((resolve) => socket.once("connect", resolve));
    }
    await new Promise<void>((resolve) => udp.bind(0, "::1", resolve));
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    udp.close();
  });

  it("is what ss says: ports and connections, over IPv4 and IPv6", async () => {
    const [reading, tcp, udpPorts] = [await networkState().read(), portsBySs("-tl"), portsBySs("-ul")];
    expect(reading.unread).toBe(0);
    const own = servers.map(portOf);
    const listed = reading.tcpPorts.map(({ port }) => port);
    // Others on this machine come and go between the two looks; ours do not.
    for (const port of own) expect([listed.includes(port), tcp.includes(port)]).toEqual([true, true]);
    const strangers = listed.filter((port) => !tcp.includes(port));
    expect(strangers.length).toBeLessThanOrEqual(3);
    expect(reading.udpPorts.map(({ port }) => port)).toContain(udp.address().port);
    expect(udpPorts).toContain(udp.address().port);
    expect(reading.tcpPorts.find(({ port }) => port === own[0])).toEqual({ port: own[0], interface: "lo" });
    expect(reading.tcpPorts.find(({ port }) => port === own[2])).toEqual({ port: own[2], interface: undefined });
    for (const [at, socket] of sockets.entries()) {
      expect(reading.connections).toContainEqual({
        localAddress: ["127.0.0.1", "::1"][at],
        localPort: socket.localPort,
        remoteAddress: ["127.0.0.1", "::1"][at],
        remotePort: own[at],
        interface: "lo",
      });
    }
  });

  it("has counts of interfaces between those that ip -s link gives before and after, and no loopback", async () => {
    const before = countsByIp();
    const { interfaces } = await networkState().read();
    const after = countsByIp();
    expect(interfaces.map(({ name }) => name)).not.toContain("lo");
    for (const { name, bytesIn, packetsIn, bytesOut, packetsOut } of interfaces) {
      const [least, most] = [before.get(name), after.get(name)];
      for (const [at, value] of [bytesIn, packetsIn, bytesOut, packetsOut].entries()) {
        expect(value).toBeGreaterThanOrEqual(least?.[at] ?? Number.NaN);
        expect(value).toBeLessThanOrEqual(most?.[at] ?? Number.NaN);
      }
    }
  });

  it("is empty and counted where there is nothing to read", async () => {
    const nothing = await networkState({ tables: "/nowhere", devices: "/nowhere" }).read();
    expect(nothing).toEqual({ connections: [], tcpPorts: [], udpPorts: [], interfaces: [], unread: 3 });
  });
});

/** Bytes and packets in, bytes and packets out. */
function countsByIp(): ReadonlyMap<string, readonly number[]> {
  const text = execFileSync("ip", ["-s", "link"], { encoding: "utf8" });
  return new Map(
    text.split(/^(?=\d+: )/m).flatMap((part) => {
      const [, name] = /^\d+: ([^:@]+)/.exec(part) ?? [];
      const counts = [...part.matchAll(/[RT]X:.*\n\s+(\d+)\s+(\d+)/g)].flatMap(([, bytes, packets]) => [
        bytes,
        packets,
      ]);
      return name === undefined ? [] : [[name, counts.map(Number)] as const];
    }),
  );
}

describe("reports to Device Defender, from the agent over a broker", { timeout: 60_000 }, () => {
  let folder: string;
  let cloud: CommandCloud;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-defender-"));
    cloud = await startCommandCloud(folder, ["veh-1", "veh-2"]);
  });
  afterAll(async () => {
    await cloud.stop();
    await rm(folder, { recursive: true });
  });

  async function vehicle(thing: string, defender: object) {
    const issued = await cloud.authority.issue({ commonName: thing, usage: "client" });
    const { certificateFile, keyFile } = writeIdentity(join(folder, thing), thing, issued);
    return daemonHome((config) => {
      config.thingName = thing;
      config.broker = { host: "localhost", port: cloud.mosquitto.port, caFile: cloud.mosquitto.caFile };
      config.identity = { mode: "file", certificateFile, keyFile };
      config.defender = defender;
      config.security = {};
    });
  }
  const reportsOf = (thing: string) => cloud.defender.reports.filter((report) => report.thing === thing);

  it("are taken in CBOR, which somebody else's decoder reads too, and not too soon after a restart", async () => {
    const home = await vehicle("veh-1", { custom: ["causeway_outbox_*"] });
    const daemon = await startDaemon(home);
    await until(async () => ((await daemon.status()).defender?.accepted === 1 ? true : undefined), {
      what: "a report is accepted",
      ...PATIENCE,
    });
    const [report] = reportsOf("veh-1");
    expect(report).toMatchObject({ format: "cbor", refusal: undefined });
    expect(readDefenderReport(cborByPython(report?.payload ?? Uint8Array.of()))).toEqual(report?.report);
    expect(report?.report?.metrics?.tcp_connections?.established_connections.total).toBeGreaterThan(0);
    const custom = Object.keys(report?.report?.custom_metrics ?? {});
    expect(custom).toContain("causeway_outbox_bytes");
    expect(custom).toContain("causeway_outbox_oldest_record_age_seconds:event");
    const { reportId, reportBytes } = (await daemon.status()).defender ?? {};
    expect(reportId).toBe(report?.report?.header.report_id);
    expect(reportBytes).toBe(report?.payload.length);
    await daemon.child.stop(10_000);
    const again = await startDaemon(home);
    await until(async () => ((await again.status()).link.state === "online" ? true : undefined), {
      what: "it is online again",
      ...PATIENCE,
    });
    expect((await again.status()).defender).toMatchObject({ reportId, accepted: 0 });
    await again.child.stop(10_000);
    expect(reportsOf("veh-1")).toHaveLength(1);
  });

  it("are taken in JSON with long names; what is refused shows in the status with its code", async () => {
    cloud.defender.disturb({ ErrorCode: "InvalidPayload", ErrorMessage: "disturbed" });
    const daemon = await startDaemon(await vehicle("veh-2", { format: "json", names: "long" }));
    await until(async () => ((await daemon.status()).defender?.rejected === 1 ? true : undefined), {
      what: "a report is refused",
      ...PATIENCE,
    });
    expect((await daemon.status()).defender?.fault).toBe("rejected: InvalidPayload disturbed");
    const text = new TextDecoder().decode(reportsOf("veh-2")[0]?.payload);
    expect(JSON.parse(text)).toMatchObject({ header: { version: "1.0" }, metrics: { listening_tcp_ports: {} } });
    expect(daemon.lines.filter((line) => line.includes('"defender.refused"'))).toHaveLength(1);
    await daemon.child.stop(10_000);
  });
});
