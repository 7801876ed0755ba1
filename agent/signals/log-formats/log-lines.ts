import { AgentError } from "../../core/errors.ts";

/** A longer line is no text that we read; it is cut into pieces of this size. */
const MAX_LINE_CHARACTERS = 1_048_576;

/** How files of another kind begin, in Latin-1, and what makes a candump log of one. FILE stands for its name. */
type Foreign = { readonly begins: readonly string[]; readonly is: string; readonly remedy: string };

const LOGCONVERT = "convert it with python-can: python3 -m can.logconvert FILE FILE.log";
const UNPACK = "unpack it first";

/**
 * ASC: Vector's CANalyzer text log. BLF: its binary one. TRC: PEAK's PCAN-View (from version 1.1 on with $FILEVERSION, before it a
 * block of remarks). MDF: ASAM MDF, its identification block. pcap and pcapng: tcpdump and Wireshark.
 */
const FOREIGN: readonly Foreign[] = [
  { begins: ["LOGG"], is: "a Vector BLF log", remedy: LOGCONVERT },
  { begins: ["MDF     ", "UnFinMF "], is: "an ASAM MDF file", remedy: LOGCONVERT },
  {
    begins: ["date ", "base hex ", "base dec "],
    is: "a Vector ASC log",
    remedy: "convert it: asc2log -I FILE -O FILE.log (can-utils)",
  },
  { begins: [";$FILEVERSION=", ";########"], is: "a PEAK TRC log", remedy: LOGCONVERT },
  {
    begins: ["\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\x0a\x0d\x0d\x0a"],
    is: "a packet capture (pcap)",
    remedy: "record it with candump -l, or causeway can record",
  },
  {
    begins: ["\xff\xfe", "\xfe\xff"],
    is: "text in UTF-16",
    remedy: "save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE > FILE.log",
  },
  { begins: ["\x1f\x8b"], is: "compressed with gzip", remedy: UNPACK },
  { begins: ["\x28\xb5\x2f\xfd"], is: "compressed with zstd", remedy: UNPACK },
  { begins: ["PK\x03\x04"], is: "a zip archive", remedy: UNPACK },
];
const LONGEST_BEGINNING = 16;

/**
 * The lines that end in each piece of a candump log, without their line ends and without a byte order mark; the last ones when the
 * input is over. Throws `input.malformed` when it begins as a log of another program does.
 */
export async function* logLines(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder();
  let first = true;
  let rest = "";
  for await (const chunk of chunks) {
    if (first) requireCandump(name, chunk);
    first = false;
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE_CHARACTERS) {
      lines.push(rest);
      rest = "";
    }
    if (lines.length > 0) yield lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield [rest];
}

function requireCandump(name: string, head: Uint8Array): void {
  const text = String.fromCharCode(...head.subarray(0, LONGEST_BEGINNING));
  const foreign = FOREIGN.find(({ begins }) => begins.some((beginning) => text.startsWith(beginning)));
  if (foreign === undefined) return;
  throw new AgentError("input.malformed", {
    what: `${name} is ${foreign.is}, not a candump log`,
    remedy: foreign.remedy.replaceAll("FILE", name),
  });
}
