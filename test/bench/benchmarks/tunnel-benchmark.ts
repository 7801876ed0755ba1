import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import type { Tunnel } from "../../../agent/tunnels/tunnel.ts";
import { startTunnelRig, type TunnelRig } from "../../fakes/tunnels/tunnel-rig.ts";
import { SshServer } from "../cloud/ssh-server.ts";
import { until } from "../core/wait.ts";
import { type Spread, spreadOf, type Times, timesOf } from "./timing.ts";

const PATIENCE_MS = 60_000;
const ECHO_BYTES = 32;

/** What the same work takes straight to sshd and through a tunnel; relay, source and agent share one process. */
export type TunnelFigures = {
  readonly bytes: number;
  /** Whether what came is what was sent, each time. */
  readonly isEqual: boolean;
  readonly direct: Way;
  readonly tunnel: Way;
};

type Way = {
  /** Of the rounds. */
  readonly upBytesPerSecond: Spread;
  readonly downBytesPerSecond: Spread;
  /** From a few bytes that ssh gets to their echo, of all rounds. */
  readonly echoMs: Times & Spread;
};

type Round = { readonly up: number; readonly down: number; readonly echoes: readonly number[] };

/** What became of bytes over a link that was cut again and again. */
export type CutFigures = {
  readonly cuts: number;
  readonly bytes: number;
  readonly isEqual: boolean;
  /** From a cut to the next WebSocket. */
  readonly backMs: Times & Spread;
  readonly violations: readonly string[];
};

type Bench = { readonly rig: TunnelRig; readonly sshd: SshServer; readonly tunnel: Tunnel; readonly port: number };

async function withTunnel<T>(use: (bench: Bench & { readonly accessToken: string }) => Promise<T>): Promise<T> {
  const rig = await startTunnelRig();
  const sshd = await SshServer.start(rig.folder);
  try {
    const { accessToken, ports } = await rig.relay.open();
    const tunnel = rig
      .tunnels(new Map([["SSH", sshd.port]]))
      .open({ accessToken, region: "eu-central-1", services: undefined, minutes: undefined }, "command");
    if ("kind" in tunnel) throw new Error(tunnel.detail);
    await tunnel.connected;
    return await use({ rig, sshd, tunnel, port: ports.get("SSH") ?? 0, accessToken });
  } finally {
    await sshd.stop();
    await rig.stop();
  }
}

/**
 * Sends `bytes` to sshd and fetches them again, straight and through a tunnel, and asks for so many echoes; in turns, so that both have the
 * same noise.
 */
export function benchmarkTunnel(bytes: number, echoes: number, rounds: number): Promise<TunnelFigures> {
  return withTunnel(async ({ rig, sshd, port }) => {
    const content = randomBytes(bytes);
    const file = join(rig.folder, "content");
    let isEqual = true;
    const measure = async (to: number): Promise<Round> => {
      const startedMs = performance.now();
      const { code } = await sshd.run(to, `cat > ${file}`, content);
      const sentMs = performance.now();
      const { output } = await sshd.run(to, `cat ${file}`);
      const fetchedMs = performance.now();
      isEqual = isEqual && code === 0 && digestOf(output) === digestOf(content);
      const rateOf = (ms: number): number => Math.round((bytes * 1000) / ms);
      const up = rateOf(sentMs - startedMs);
      return { up, down: rateOf(fetchedMs - sentMs), echoes: await echoTimes(sshd, to, echoes) };
    };
    const [direct, tunnel]: [Round[], Round[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      direct.push(await measure(sshd.port));
      tunnel.push(await measure(port));
    }
    return { bytes, isEqual, direct: wayOf(direct), tunnel: wayOf(tunnel) };
  });
}

/** Sends `cuts` parts of `partBytes`, cuts the link in the middle of each, and sends it again when it is back; fetches all at the end. */
export function benchmarkCuts(cuts: number, partBytes: number): Promise<CutFigures> {
  return withTunnel(async ({ rig, sshd, tunnel, port, accessToken }) => {
    const whole = createHash("sha256");
    const backMs: number[] = [];
    for (let index = 0; index < cuts; index++) {
      const part = randomBytes(partBytes);
      whole.update(part);
      const file = join(rig.folder, `part${String(index).padStart(4, "0")}`);
      const sending = sshd.run(port, `cat > ${file}`, part);
      const before = tunnel.reading().bytesIn;
      const patience = { what: "half of it is there", timeoutMs: PATIENCE_MS, everyMs: 1 };
      await until(() => (tunnel.reading().bytesIn > before + partBytes / 2 ? true : undefined), patience);
      const cutMs = performance.now();
      const { connects } = tunnel.reading();
      rig.relay.cut(accessToken);
      await until(() => (tunnel.reading().connects > connects ? true : undefined), { ...patience, what: "it is back" });
      backMs.push(performance.now() - cutMs);
      await sending;
      const { code } = await sshd.run(port, `cat > ${file}`, part);
      if (code !== 0) throw new Error(`ssh ended with ${code}`);
    }
    const { output } = await sshd.run(port, `cat ${join(rig.folder, "part*")}`);
    const isEqual = digestOf(output) === whole.digest("hex");
    const { violations } = rig.relay;
    return { cuts, bytes: cuts * partBytes, isEqual, backMs: { ...timesOf(backMs), ...spreadOf(backMs) }, violations };
  });
}

function wayOf(rounds: readonly Round[]): Way {
  const echoes = rounds.flatMap((round) => round.echoes);
  return {
    upBytesPerSecond: spreadOf(rounds.map(({ up }) => up)),
    downBytesPerSecond: spreadOf(rounds.map(({ down }) => down)),
    echoMs: { ...timesOf(echoes), ...spreadOf(echoes) },
  };
}

async function echoTimes(sshd: SshServer, port: number, echoes: number): Promise<readonly number[]> {
  const ssh = sshd.begin(port, "cat");
  const times: number[] = [];
  for (let count = 0; count <= echoes; count++) {
    const startedMs = performance.now();
    ssh.stdin.write(Buffer.alloc(ECHO_BYTES, count));
    await once(ssh.stdout, "data");
    // The first is the login.
    if (count > 0) times.push(performance.now() - startedMs);
  }
  ssh.stdin.end();
  await once(ssh, "close");
  return times;
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
