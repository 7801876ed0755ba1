import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { askNtp, readResponse, readVariables } from "../../../../drivers/os/clock-ntp.ts";

const SEED = 17;
const VARIABLES = "leap=00, stratum=2, refid=192.0.2.7,\r\nrootdelay=10.101, rootdisp=2.5, offset=-0.75";
const sockets: Socket[] = [];

/** An ntpd that answers each request with what `answer` makes of it. */
async function ntpd(answer: (request: Buffer) => readonly Buffer[]): Promise<number> {
  const socket = createSocket("udp4");
  sockets.push(socket);
  socket.on("message", (request, { port, address }) => {
    for (const packet of answer(request)) socket.send(packet, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket.address().port;
}

/** RFC 9327: the header of the request with the response bit, and the length of the data. */
function responseTo(request: Buffer, text: string, change: (packet: Buffer) => void = () => undefined): Buffer {
  const packet = Buffer.concat([request.subarray(0, 12), Buffer.from(text, "latin1")]);
  packet[1] = 0x82;
  packet.writeUInt16BE(text.length, 10);
  change(packet);
  return packet;
}

describe("askNtp", () => {
  afterEach(() => sockets.splice(0).forEach((socket) => socket.close()));

  it("asks as RFC 9327 says, and passes by what answers something else", async () => {
    const requests: Buffer[] = [];
    const port = await ntpd((request) => {
      requests.push(request);
      return [
        Buffer.from([1]),
        responseTo(request, "stratum=1, leap=00", (packet) => packet.writeUInt16BE(packet.readUInt16BE(2) ^ 1, 2)),
        responseTo(request, "stratum=1, leap=00", (packet) => packet.writeUInt16BE(60_000, 10)),
        responseTo(request, "stratum=1, leap=00", (packet) => packet.writeUInt8(0xc2, 1)),
        responseTo(request, VARIABLES),
      ];
    });
    const reading = await askNtp(port, AbortSignal.timeout(5000));
    expect(reading).toEqual({
      keeper: "ntp",
      state: "synchronised",
      reference: "server",
      // 0.75 ms + 2.5 ms + 10.101 ms / 2.
      errorMs: 8.3005,
      detail: "server 192.0.2.7, stratum 2",
    });
    expect(requests[0]?.subarray(0, 2)).toEqual(Buffer.from([0x16, 2]));
    expect((requests[0]?.length ?? 1) % 4).toBe(0);
  });

  it("says that nobody answers where nobody listens", async () => {
    const port = await ntpd(() => []);
    sockets.splice(0).forEach((socket) => socket.close());
    expect(await askNtp(port, AbortSignal.timeout(5000))).toMatchObject({ state: "silent", errorMs: undefined });
  });

  it("ends when it is told to", async () => {
    const port = await ntpd(() => []);
    const stopping = new AbortController();
    const asked = askNtp(port, stopping.signal);
    stopping.abort();
    expect(await asked).toMatchObject({ state: "silent", detail: "stopped" });
    expect(await askNtp(port, stopping.signal)).toMatchObject({ state: "silent" });
  });
});

describe("readVariables", () => {
  it("knows a receiver by its letters at stratum 1, and a clock that nobody has set", () => {
    expect(readVariables("leap=00, stratum=1, refid=GPS, rootdelay=0.000, rootdisp=1.2, offset=0.01")).toMatchObject({
      reference: "gps",
      detail: "reference clock GPS",
    });
    expect(readVariables("leap=11, stratum=16, refid=INIT")).toMatchObject({ state: "searching", errorMs: undefined });
    // As ntpd of NTPsec 1.2.2 answered it, and a clock that it has just lost.
    const searching = "leap=3, stratum=16, rootdelay=0.000, rootdisp=0.045, refid=INIT,\r\noffset=0.000000\r\n\0";
    expect(readVariables(searching)).toMatchObject({ state: "searching" });
    for (const leap of ["3", "11"])
      expect(readVariables(`leap=${leap}, stratum=3`)).toMatchObject({ state: "searching" });
    expect(readVariables("leap=01, stratum=3, refid=192.0.2.7")).toMatchObject({
      state: "synchronised",
      errorMs: undefined,
    });
    expect(readVariables("hello")).toMatchObject({ state: "silent" });
  });

  it("makes no number of what is none, and takes any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.string(), (bytes, value) => {
        readResponse(Buffer.from(bytes), 1);
        const { errorMs } = readVariables(`leap=00, stratum=2, rootdelay=${value}, rootdisp=1, offset=1e400`);
        expect(errorMs).toBeUndefined();
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });
});
