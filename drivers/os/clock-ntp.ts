import { createSocket } from "node:dgram";
import type { KeeperReading } from "../../agent/ports/clock-keepers.ts";

const TIMEOUT_MS = 2000;
/** NTP control messages (RFC 9327): version 2, mode 6, and the operation "read variables". */
const FIRST_BYTE = 0x16;
const READ_VARIABLES = 2;
const RESPONSE = 0x80;
const ERROR = 0x40;
const MORE = 0x20;
const HEADER_BYTES = 12;
const VARIABLES = "leap,stratum,refid,rootdelay,rootdisp,offset";
/** Where answers go that were asked for before. */
const MAX_SEQUENCE = 0xffff;
/** Leap indicator of a clock that nobody has set (RFC 5905, figure 9), as ntpd of NTPsec says it and as that of ntp.org does, in binary. */
const UNSET: readonly (string | undefined)[] = ["3", "11", undefined];
/** Longest error that makes sense, ms: a year. */
const MAX_MS = 31_536_000_000;

/**
 * What ntpd or ntpd of NTPsec says of the clock, by a control message to `port` of this machine. The error is
 * |offset| + root dispersion + root delay / 2.
 */
export function askNtp(port: number, signal: AbortSignal): Promise<KeeperReading> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    const finish = (reading: KeeperReading): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.close();
      resolve(reading);
    };
    const silent = (detail: string) => (): void => finish(reading("silent", "unknown", undefined, detail));
    const onAbort = silent("stopped");
    const timer = setTimeout(silent("ntpd does not answer control messages"), TIMEOUT_MS);
    signal.addEventListener("abort", onAbort, { once: true });
    const sequence = 1 + (process.pid % MAX_SEQUENCE);
    socket.on("error", silent("ntpd does not answer"));
    // Connected: what comes from elsewhere is not handed over.
    socket.connect(port, "127.0.0.1", () => socket.send(requestOf(sequence)));
    socket.on("message", (packet) => {
      const variables = readResponse(packet, sequence);
      if (variables !== undefined) finish(readVariables(variables));
    });
    if (signal.aborted) onAbort();
  });
}

function requestOf(sequence: number): Buffer {
  const data = Buffer.from(VARIABLES, "latin1");
  const padded = Buffer.alloc(HEADER_BYTES + Math.ceil(data.length / 4) * 4);
  padded[0] = FIRST_BYTE;
  padded[1] = READ_VARIABLES;
  padded.writeUInt16BE(sequence, 2);
  padded.writeUInt16BE(data.length, 10);
  data.copy(padded, HEADER_BYTES);
  return padded;
}

/** The text of a whole answer to the request; undefined for any other packet. These variables fit one packet. */
export function readResponse(packet: Buffer, sequence: number): string | undefined {
  if (packet.length < HEADER_BYTES || (packet.readUInt8(0) & 0x7) !== 6) return undefined;
  const operation = packet.readUInt8(1);
  if (operation !== (RESPONSE | READ_VARIABLES) || (operation & (ERROR | MORE)) !== 0) return undefined;
  const length = packet.readUInt16BE(10);
  if (packet.readUInt16BE(2) !== sequence || packet.readUInt16BE(8) !== 0) return undefined;
  if (packet.length < HEADER_BYTES + length) return undefined;
  return packet.toString("latin1", HEADER_BYTES, HEADER_BYTES + length);
}

/** `name=value, name=value` with times in ms, as ntpd answers it. */
export function readVariables(text: string): KeeperReading {
  const found = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(/\b(\w+)=([^,\r\n]*)/g)) found.set(name, value.trim());
  const numberOf = (name: string): number => {
    const value = found.get(name) ?? "";
    const number = /^[-+]?\d{1,15}(?:\.\d{1,15})?$/.test(value) ? Number(value) : Number.NaN;
    return Math.abs(number) <= MAX_MS ? number : Number.NaN;
  };
  const stratum = numberOf("stratum");
  if (!Number.isInteger(stratum)) return reading("silent", "unknown", undefined, "ntpd: its answer is not understood");
  if (UNSET.includes(found.get("leap")) || stratum >= 16)
    return reading("searching", "unknown", undefined, "no server or receiver yet");
  const errorMs =
    Math.abs(numberOf("offset")) + Math.max(0, numberOf("rootdisp")) + Math.max(0, numberOf("rootdelay")) / 2;
  const id = (found.get("refid") ?? "").replaceAll(/[^\w.:-]/g, "").slice(0, 45);
  // A reference clock is at stratum 0 and has letters for an id (RFC 5905, figure 12).
  const isReceiver = stratum === 1 && /^\.?[A-Z]/i.test(id);
  const detail = isReceiver ? `reference clock ${id.replaceAll(".", "")}` : `server ${id}, stratum ${stratum}`;
  return reading("synchronised", isReceiver ? "gps" : "server", Number.isNaN(errorMs) ? undefined : errorMs, detail);
}

function reading(
  state: KeeperReading["state"],
  reference: KeeperReading["reference"],
  errorMs: number | undefined,
  detail: string,
): KeeperReading {
  return { keeper: "ntp", state, reference, errorMs, detail };
}
