import { AgentError } from "../../core/errors.ts";

/** How files of other kinds begin, in Latin-1, and what makes a log of one that is read here. FILE stands for its name. */
type Foreign = { readonly begins: readonly string[]; readonly is: string; readonly remedy: string };

const UNPACK = "unpack it first";

/** MDF: ASAM MDF, its identification block. pcap and pcapng: tcpdump and Wireshark. */
const FOREIGN: readonly Foreign[] = [
  {
    begins: ["MDF     ", "UnFinMF "],
    is: "an ASAM MDF file",
    remedy: "convert it with python-can: python3 -m can.logconvert FILE FILE.log",
  },
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

/** Throws `input.malformed` for a log that begins, in Latin-1, as a file of another kind does, with what makes one of it that is read. */
export function rejectForeign(name: string, head: string): void {
  const foreign = FOREIGN.find(({ begins }) => begins.some((beginning) => head.startsWith(beginning)));
  if (foreign === undefined) return;
  throw new AgentError("input.malformed", {
    what: `${name} is ${foreign.is}, which is no log of frames that is read here`,
    remedy: foreign.remedy.replaceAll("FILE", name),
  });
}
