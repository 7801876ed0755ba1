import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBody, encodeBody } from "../../../../agent/cloud/wire-format.ts";
import { reportBody } from "../../../../agent/metrics/defender/report-body.ts";
import type { NetworkReading } from "../../../../agent/ports/network-state.ts";
import { readDefenderReport } from "../../../bench/cloud/defender-report.ts";

const SEED = 1808;
const NETWORK: NetworkReading = {
  connections: [
    {
      localAddress: "10.0.0.5",
      localPort: 40_000,
      remoteAddress: "192.0.2.1",
      remotePort: 8883,
      interface: "wwan0",
    },
    { localAddress: "::1", localPort: 1, remoteAddress: "2001:db8::1", remotePort: 443, interface: undefined },
  ],
  tcpPorts: [
    { port: 22, interface: undefined },
    { port: 8080, interface: "lo" },
  ],
  udpPorts: [{ port: 68, interface: "eth0" }],
  interfaces: [],
  unread: 0,
};
const TRAFFIC = { bytes_in: 29_358_693_495, bytes_out: 26_485_035, packets_in: 10_013_573_555, packets_out: 11_382 };

/** As JSON has it: without the sign of zero. */
function withoutSigns(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe("a report to Device Defender", () => {
  it("has the form of the guide's sample, in long names", () => {
    const report = { reportId: 1_530_304_554, network: NETWORK, traffic: TRAFFIC, custom: new Map([["cpu", 1]]) };
    expect(reportBody(report, { names: "long", maxListed: 50 })).toEqual({
      header: { report_id: 1_530_304_554, version: "1.0" },
      metrics: {
        listening_tcp_ports: { ports: [{ port: 22 }, { port: 8080, interface: "lo" }], total: 2 },
        listening_udp_ports: { ports: [{ port: 68, interface: "eth0" }], total: 1 },
        network_stats: TRAFFIC,
        tcp_connections: {
          established_connections: {
            connections: [
              { remote_addr: "192.0.2.1:8883", local_port: 40_000, local_interface: "wwan0" },
              { remote_addr: "[2001:db8::1]:443", local_port: 1 },
            ],
            total: 2,
          },
        },
      },
      custom_metrics: { cpu: [{ number: 1 }] },
    });
  });

  it("has the short names of the guide's sample, but for those of custom metrics", () => {
    const custom = new Map([["total", 1.5]]);
    const report = { reportId: 7, network: { ...NETWORK, connections: [] }, traffic: TRAFFIC, custom };
    expect(reportBody(report, { names: "short", maxListed: 1 })).toEqual({
      hed: { rid: 7, v: "1.0" },
      met: {
        tp: { pts: [{ pt: 22 }], t: 2 },
        up: { pts: [{ pt: 68, if: "eth0" }], t: 1 },
        ns: { bi: 29_358_693_495, bo: 26_485_035, pi: 10_013_573_555, po: 11_382 },
        tc: { ec: { cs: [], t: 0 } },
      },
      cmet: { total: [{ number: 1.5 }] },
    });
  });

  it("is one that the service takes, and says the same in every form", () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    const on = fc.option(fc.constantFrom("eth0", "wwan0", "lo"), { nil: undefined });
    const address = fc.oneof(fc.ipV4(), fc.constantFrom("::1", "2001:db8::1", "fe80::5054:ff:fe1d:adb6"));
    const listening = fc.array(fc.record({ port, interface: on }), { maxLength: 30 });
    const amount = fc.nat(2 ** 31);
    const connection = fc.record({
      localAddress: address,
      localPort: port,
      remoteAddress: address,
      remotePort: port,
      interface: on,
    });
    const report = fc.record({
      reportId: fc.integer({ min: 1, max: 2 ** 31 }),
      network: fc.record({
        connections: fc.array(connection, { maxLength: 30 }),
        tcpPorts: listening,
        udpPorts: listening,
        interfaces: fc.constant([]),
        unread: amount,
      }),
      traffic: fc.option(fc.record({ bytes_in: amount, bytes_out: amount, packets_in: amount, packets_out: amount }), {
        nil: undefined,
      }),
      custom: fc.dictionary(
        fc.stringMatching(/^[a-z_]{1,20}(:[a-z0-9]{1,5})?$/),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        {
          noNullPrototype: true,
        },
      ),
    });
    const property = fc.property(report, fc.nat(20), ({ custom, ...rest }, maxListed) => {
      const given = { ...rest, custom: new Map(Object.entries(custom)) };
      const read = (["long", "short"] as const).flatMap((names) =>
        (["json", "cbor"] as const).map((format) =>
          readDefenderReport(decodeBody(format, encodeBody(format, reportBody(given, { names, maxListed })))),
        ),
      );
      const [first] = read;
      expect(first).not.toHaveProperty("problem");
      expect(first).toMatchObject({
        header: { report_id: rest.reportId },
        metrics: {
          listening_tcp_ports: { total: rest.network.tcpPorts.length },
          tcp_connections: { established_connections: { total: rest.network.connections.length } },
        },
      });
      // JSON has no negative zero.
      for (const other of read) expect(withoutSigns(other)).toEqual(withoutSigns(first));
    });
    fc.assert(property, { seed: SEED });
  });
});

describe("the bench's Device Defender", () => {
  it.each([
    ["no header", { metrics: {} }],
    ["no metrics at all", { header: { report_id: 1, version: "1.0" } }],
    ["mixed names", { header: { rid: 1, version: "1.0" }, metrics: {} }],
    ["a key that it does not know", { header: { report_id: 1, version: "1.0" }, metrics: { cpu: 1 } }],
    ["a version of one part", { hed: { rid: 1, v: "1" }, met: {} }],
    ["a negative count", { hed: { rid: 1, v: "1.0" }, met: { ns: { bi: -1, bo: 0, pi: 0, po: 0 } } }],
    ["two values of a custom metric", { hed: { rid: 1, v: "1.0" }, cmet: { a: [{ number: 1 }, { number: 2 }] } }],
    ["a custom metric with a name of AWS", { hed: { rid: 1, v: "1.0" }, cmet: { "aws:a": [{ number: 1 }] } }],
    ["more ports than it counts", { hed: { rid: 1, v: "1.0" }, met: { tp: { pts: [{ pt: 22 }], t: 0 } } }],
    ["no document", "report"],
  ])("refuses a report with %s", (_, body) => {
    expect(readDefenderReport(body)).toHaveProperty("problem");
  });
});
