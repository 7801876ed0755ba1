import { describe, expect, it } from "vitest";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { filledText } from "../../bench/benchmarks/peer-subjects.ts";
import { PeerTraffic } from "../../bench/benchmarks/peer-traffic.ts";
import { peerDbc } from "../../bench/benchmarks/peer-vehicle.ts";
import { TreeClock } from "../../bench/core/process-tree.ts";
import { udpSockets } from "../../bench/core/udp-sockets.ts";

/** As Linux 6.18 shows it. */
const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  560: FFFFFF7F:938D 00000000:0000 07 00000000:00034000 00:00000000 00000000     0        0 7785575 2 00000000609dbbb6 254832
  560: FFFFFF7F:938D 00000000:0000 07 00000000:00001A00 00:00000000 00000000     0        0 7785551 2 00000000aca7241e 0
  561: 0100007F:938E 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 7785552 2 00000000aca7241f 5
`;

describe("the benchmark beside peers", () => {
  it("reads what the kernel dropped of the sockets of its ports, and of no others", () => {
    expect(udpSockets([0x938d], TABLE)).toEqual({ count: 2, drops: 254_832 });
    expect(udpSockets([0x938d, 0x938e], TABLE)).toEqual({ count: 3, drops: 254_837 });
    expect(udpSockets([0x938f], TABLE)).toEqual({ count: 0, drops: 0 });
  });

  it("counts what the agent publishes apart from what others do", () => {
    const traffic = new PeerTraffic("bench-peers");

    traffic.take("dt/causeway/bench-peers/telemetry", 100);
    traffic.take("$aws/iotfleetwise/vehicles/bench-peers-2/signals", 7);
    traffic.take("dt/causeway/bench-peers/event", 10);

    expect(traffic.own()).toEqual({ messages: 2, bytes: 110 });
    expect(traffic.others()).toEqual({ messages: 1, bytes: 7 });
  });

  it("fills in the variables of a configuration, and names those there are when one is none", () => {
    expect(filledText('port: ${PEER_PORT} # $HOME, "${PEER_PORT}"', { PEER_PORT: "8883" })).toBe(
      'port: 8883 # $HOME, "8883"',
    );
    expect(() => filledText("${PEER_PROT}", { PEER_PORT: "1", PEER_CA: "2" })).toThrow(
      /\$\{PEER_PROT\}; there are PEER_PORT, PEER_CA/,
    );
  });

  it.each([["thinned", 150] as const, ["everything", 480] as const])("describes 60 messages: %s", (load, signals) => {
    const { database, errors } = parseDbc(peerDbc(load));
    expect(errors).toEqual([]);
    expect(database.messages.length).toBe(60);
    expect(database.messages.reduce((sum, message) => sum + message.signals.length, 0)).toBe(signals);
  });

  it("knows the CPU time of a process as that knows it itself", () => {
    const clock = new TreeClock(process.pid);
    const startedUs = cpuUs();
    expect(clock.takeUs()).toBe(0);
    while (cpuUs() - startedUs < 100_000);
    const usedUs = cpuUs() - startedUs;
    const told = clock.takeUs();
    // Other threads go on meanwhile, and have their time written down at their next tick.
    expect(Math.abs(told - usedUs)).toBeLessThan(30_000);
  });
});

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
