import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { logLines } from "../../../../agent/signals/log-formats/log-lines.ts";

async function linesOf(...chunks: readonly Uint8Array[]): Promise<readonly string[]> {
  const lines: string[] = [];
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield* chunks;
  };
  for await (const some of logLines("drive.log", source())) lines.push(...some);
  return lines;
}

const latin1 = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe("logLines", () => {
  it("puts lines together over the pieces they come in, and gives the last one without its end", async () => {
    const text = Buffer.from("(1.0) can0 1#é\n\nlast");
    expect(await linesOf(text.subarray(0, 14), text.subarray(14))).toEqual(["(1.0) can0 1#é", "", "last"]);
  });

  it("leaves a byte order mark away", async () => {
    expect(await linesOf(latin1("\xef\xbb\xbf(1.0) can0 100#01\n"))).toEqual(["(1.0) can0 100#01"]);
  });

  it("cuts a line that has no end into pieces", async () => {
    const piece = Buffer.alloc(65_536, 0x41);
    const lines = await linesOf(...Array.from({ length: 40 }, () => piece));
    expect(lines.map(({ length }) => length)).toEqual([1_114_112, 1_114_112, 393_216]);
  });

  // As the programs begin their files; the ASC and TRC ones are the first lines of what asc2log and PCAN-View document.
  it.each([
    ["LOGG\x90\x00\x00\x00", "a Vector BLF log", "python3 -m can.logconvert drive.log drive.log.log"],
    ["date Fri Nov 27 10:20:30 am 2026\nbase hex  timestamps absolute\n", "a Vector ASC log", "asc2log -I drive.log"],
    [";$FILEVERSION=2.1\n;$STARTTIME=43474.5\n", "a PEAK TRC log", "can.logconvert"],
    [";##########################\n;   C:\\drive.trc\n", "a PEAK TRC log", "can.logconvert"],
    ["MDF     4.10    ", "an ASAM MDF file", "can.logconvert"],
    ["\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "a packet capture (pcap)", "causeway can record"],
    ["\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", "a packet capture (pcap)", "causeway can record"],
    ["\xff\xfe(\x001\x00", "text in UTF-16", "iconv -f UTF-16"],
    ["\x1f\x8b\x08\x00", "compressed with gzip", "unpack it"],
  ])("names %j for what it is", async (head, is, remedy) => {
    const thrown: unknown = await linesOf(latin1(head)).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: "input.malformed", message: `drive.log is ${is}, not a candump log` });
    expect(thrown instanceof AgentError ? thrown.remedy : "").toContain(remedy);
  });
});
