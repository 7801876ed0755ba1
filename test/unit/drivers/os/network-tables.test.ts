import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseInterfaces, parseSockets } from "../../../../drivers/os/network-tables.ts";

const SEED = 1806;
const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const REST = "00000000:00000000 00:00000000 00000000     0        0 4764884 1 000000002675f712 100 0 0 10 0";

describe("sockets of the kernel", () => {
  it("are read in the byte order of the machine", () => {
    const text = `${HEAD}   0: 0100007F:1F90 6401A8C0:01BB 01 ${REST}\n`;
    expect(parseSockets(text, true)).toEqual({
      rows: [{ localAddress: "127.0.0.1", localPort: 8080, remoteAddress: "192.168.1.100", remotePort: 443, state: 1 }],
      malformed: 0,
    });
    expect(parseSockets(text, false).rows[0]).toMatchObject({ localAddress: "1.0.0.127", localPort: 8080 });
  });

  it("of IPv6 are four words, each in that order, and those of IPv4 in it are IPv4", () => {
    const rows = [
      `   0: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A ${REST}`,
      `   1: 0000000000000000FFFF00000100007F:0016 0000000000000000FFFF0000050A0A0A:C350 01 ${REST}`,
      `   2: 000080FE00000000FF005450B6AD1DFE:0222 00000000000000000000000001000000:0000 07 ${REST}`,
    ];
    const { rows: found, malformed } = parseSockets(`${HEAD}${rows.join("\n")}\n`, true);
    expect(malformed).toBe(0);
    expect(found.map(({ localAddress, remoteAddress }) => [localAddress, remoteAddress])).toEqual([
      ["2001:db8::1", "::"],
      ["127.0.0.1", "10.10.10.5"],
      ["fe80::5054:ff:fe1d:adb6", "::1"],
    ]);
  });

  it("are the addresses that were written, for any address (as node:net writes them)", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const groups = fc.array(group, { minLength: 8, maxLength: 8 }).filter((all) => all[5] !== 0xffff);
    const property = fc.property(groups, fc.boolean(), (all, isLittleEndian) => {
      const bytes = Buffer.from(all.map((one) => one.toString(16).padStart(4, "0")).join(""), "hex");
      if (isLittleEndian) bytes.swap32();
      const hex = bytes.toString("hex").toUpperCase();
      const { rows } = parseSockets(`${HEAD}   9: ${hex}:0001 ${hex}:FFFF 01 ${REST}\n`, isLittleEndian);
      const address = rows[0]?.localAddress ?? "";
      // An URL has its host in the one form of RFC 5952, but for IPv4 at the end.
      const own = new URL(`http://[${all.map((one) => one.toString(16)).join(":")}]/`).hostname;
      expect(new URL(`http://[${address}]/`).hostname).toBe(own);
    });
    fc.assert(property, { seed: SEED });
  });

  it("that are no sockets are counted, whatever they are", () => {
    const strange = ["", "x", "   0: 0100007F:1F90", "   0: 010007F:1F90 00000000:0000 0A x", "\0".repeat(400)];
    expect(parseSockets(HEAD + strange.join("\n"), true)).toEqual({ rows: [], malformed: 4 });
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const { rows, malformed } = parseSockets(`${HEAD}${text}`, true);
        const lines = text.split("\n").filter((line) => line.trim() !== "").length;
        expect(rows.length + malformed).toBe(lines);
      }),
      { seed: SEED },
    );
  });
});

describe("interfaces of the kernel", () => {
  const DEV = "Inter-|   Receive  |  Transmit\n face |bytes packets\n";

  it("are read with their counts, also where the name touches them", () => {
    const text = `${DEV}    lo:10932269806 11779888    0    0    0     0          0         0 77 8    0    0    0     0       0          0\nwwan0.7: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n`;
    expect(parseInterfaces(text)).toEqual({
      rows: [
        { name: "lo", bytesIn: 10_932_269_806, packetsIn: 11_779_888, bytesOut: 77, packetsOut: 8 },
        { name: "wwan0.7", bytesIn: 1, packetsIn: 2, bytesOut: 9, packetsOut: 10 },
      ],
      malformed: 0,
    });
  });

  it("that are none, or count beyond what a number holds, are counted", () => {
    const beyond = `  eth0: ${2n ** 64n - 1n} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0`;
    expect(parseInterfaces(`${DEV}${beyond}\n  eth1: 1 2\n  : 1 2 3 4 5 6 7 8 9 10\n eth2 no counts`)).toEqual({
      rows: [],
      malformed: 4,
    });
  });
});
