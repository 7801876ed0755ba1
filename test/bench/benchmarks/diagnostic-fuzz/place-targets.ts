import type { Fix } from "../../../../agent/vehicle/place/fix.ts";
import { GpsdFixes } from "../../../../agent/vehicle/place/gpsd-fixes.ts";
import { readGpsdReport } from "../../../../agent/vehicle/place/gpsd-report.ts";
import { locationPdus } from "../../../../agent/vehicle/place/location-table.ts";
import { readNmea } from "../../../../agent/vehicle/place/nmea.ts";
import { NmeaFixes } from "../../../../agent/vehicle/place/nmea-fixes.ts";
import { placeGate } from "../../../../agent/vehicle/place/place-gate.ts";
import { sentence } from "../../vehicle/nmea-track.ts";
import type { Dice } from "../campaign-grammar.ts";
import { spoiltPdu } from "./fuzz-inputs.ts";
import { type FuzzTarget, pduTarget } from "./fuzz-target.ts";

const SENTENCES = [
  "GNRMC,001031.00,A,4404.13993,N,12118.86023,W,0.146,,100117,,,A",
  "GNRMC,235959.999,A,8959.99999,S,17959.99999,W,999.9,359.99,311299,1.0,E,D,V",
  "GNGGA,001043.00,4404.14036,N,12118.85961,W,1,12,0.98,1113.0,M,-21.3,M,,",
  "GNGNS,014035.00,4332.69262,S,17235.48549,E,RR,13,0.9,25.63,11.24,,",
  "GNGSA,A,3,02,05,07,13,15,20,28,30,,,,,1.82,1.01,1.51",
  "GNGLL,4404.14012,N,12118.85993,W,001037.00,A,A",
  "GPVTG,220.86,T,,M,2.550,N,4.724,K,A",
  "GPGST,182141.000,15.5,15.3,7.2,21.8,0.9,0.5,0.8",
  "GPZDA,160012.71,11,03,2004,-1,00",
].map((body) => sentence(body).trim());

const REPORTS = [
  '{"class":"TPV","device":"/dev/ttyAMA0","mode":3,"time":"2026-06-01T23:59:52.000Z","ept":0.005,"lat":48.368949967,"lon":10.898604933,"altHAE":536.4,"altMSL":489.2,"alt":489.2,"epv":34.73,"track":3.0,"speed":13.9,"climb":0.1,"eph":19.19}',
  '{"class":"SKY","device":"/dev/ttyAMA0","hdop":1.01,"nSat":9,"uSat":8,"satellites":[{"PRN":2,"used":true},{"PRN":5,"used":false}]}',
  '{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}',
  '{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/ttyAMA0"}]}',
  '{"class":"ERROR","message":"Can not open device"}',
];

const RECEIVED_US = 1_767_225_600_000_000;
const hexOf = (text: string): string => Buffer.from(text, "latin1").toString("hex");
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const gate = placeGate({ isShared: () => true, precisionMetres: () => 250 });

/** Half of them with the checksum that belongs to what they have become: otherwise none would get past it. */
function spoiltSentence(dice: Dice, sound: readonly string[]): Uint8Array {
  const spoilt = spoiltPdu(dice, sound);
  if (dice.chance(0.5)) return spoilt;
  const body = textOf(spoilt)
    .replaceAll(/[^ -~]|[$*]/g, "")
    .slice(0, 200);
  return Buffer.from(sentence(body.replace(/[0-9A-F]{2}$/, "")).trim(), "latin1");
}

/** Throws for a fix that is none, or that the rest of the line could not take. */
function check(fix: Fix): void {
  const { latitude, longitude, receivedAtUs: _, mode, ...numbers } = fix;
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180))
    throw new Error(`off the globe: ${JSON.stringify(fix)}`);
  for (const [name, value] of Object.entries(numbers)) {
    if (value !== undefined && !Number.isFinite(value)) throw new Error(`${name} of a ${mode} fix is ${value}`);
  }
  locationPdus(fix);
  const told = gate(fix);
  if (told === undefined || Math.abs(told.latitude) > 90 || Math.abs(told.longitude) > 180) {
    throw new Error(`told off the globe: ${JSON.stringify(told)}`);
  }
}

/** Makes a parser anew for each course: it remembers what it read before. */
function target(
  name: string,
  sound: readonly string[],
  parser: () => (line: string) => unknown,
  make: (dice: Dice, sound: readonly string[]) => Uint8Array,
): FuzzTarget {
  const start: FuzzTarget["start"] = (dice) => {
    const parse = parser();
    return pduTarget(name, sound.map(hexOf), (bytes) => parse(textOf(bytes)), make).start(dice);
  };
  return { name, start };
}

function nmeaParser(): (line: string) => unknown {
  const fixes = new NmeaFixes();
  return (line) => {
    const read = readNmea(line);
    const fix = typeof read === "string" ? undefined : fixes.take(read, RECEIVED_US);
    if (typeof fix === "object") check(fix);
    return read;
  };
}

function gpsdParser(): (line: string) => unknown {
  const fixes = new GpsdFixes(undefined, 5000);
  return (line) => {
    const report = readGpsdReport(line);
    if (report.kind === "sky") fixes.takeSky(report.sky, RECEIVED_US);
    const fix = report.kind === "tpv" ? fixes.takeTpv(report.tpv, RECEIVED_US) : undefined;
    if (typeof fix === "object") check(fix);
    return report;
  };
}

/** Everything that reads what a receiver of GNSS says. */
export const PLACE_TARGETS: readonly FuzzTarget[] = [
  target("place NMEA 0183", SENTENCES, nmeaParser, spoiltSentence),
  target("place gpsd", REPORTS, gpsdParser, spoiltPdu),
];
