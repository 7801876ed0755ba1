import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Fix } from "../../../../agent/vehicle/place/fix.ts";
import { readNmea } from "../../../../agent/vehicle/place/nmea.ts";
import { NmeaFixes } from "../../../../agent/vehicle/place/nmea-fixes.ts";
import { sentence, sentencesOf, trackOf } from "../../../bench/vehicle/nmea-track.ts";
import { rounded } from "../../../fakes/place/position-sink.ts";

const SEED = 17;

function fixesOf(lines: readonly string[]): (Fix | "no-fix")[] {
  const fixes = new NmeaFixes();
  return lines.flatMap((line) => {
    const read = readNmea(line);
    return typeof read === "string" ? [] : (fixes.take(read, 0) ?? []);
  });
}

const lastOf = (...lines: readonly string[]): Fix => {
  const last = fixesOf(lines).at(-1);
  if (last === undefined || last === "no-fix") throw new Error(`no fix: ${last}`);
  return last;
};

describe("readNmea", () => {
  it("reads the examples of gpsd's NMEA Revealed", () => {
    expect(rounded(readNmea("$GNGGA,001043.00,4404.14036,N,12118.85961,W,1,12,0.98,1113.0,M,-21.3,M*47"))).toEqual({
      type: "GGA",
      timeOfDayMs: 643_000,
      position: { latitude: 44.069006, longitude: -121.3143268 },
      isValid: true,
      satellites: 12,
      hdop: 0.98,
      altitudeM: 1113,
      geoidM: -21.3,
    });
    expect(rounded(readNmea("$GNRMC,001031.00,A,4404.13993,N,12118.86023,W,0.146,,100117,,,A*7B"), 4)).toEqual({
      type: "RMC",
      timeOfDayMs: 631_000,
      dayMs: Date.UTC(2017, 0, 10),
      position: { latitude: 44.069, longitude: -121.3143 },
      isValid: true,
      speedMps: 0.0751,
      courseDeg: undefined,
    });
    expect(rounded(readNmea("$GPVTG,220.86,T,,M,2.550,N,4.724,K,A*34"), 4)).toEqual({
      type: "VTG",
      courseDeg: 220.86,
      speedMps: 1.3118,
    });
  });

  it("takes GNS, GLL, GST and ZDA", () => {
    // go-nmea, gpsd.io/NMEA.html
    expect(rounded(readNmea("$GNGNS,014035.00,4332.69262,S,17235.48549,E,RR,13,0.9,25.63,11.24,,*70"))).toMatchObject({
      position: { latitude: -43.544877, longitude: 172.5914248 },
      isValid: true,
      satellites: 13,
      altitudeM: 25.63,
      geoidM: 11.24,
    });
    expect(readNmea("$GNGNS,181604.00,,,,,NN,00,99.99,,,,*59")).toMatchObject({ isValid: false, hdop: undefined });
    expect(readNmea("$GNGLL,4404.14012,N,12118.85993,W,001037.00,A,A*67")).toMatchObject({ isValid: true });
    expect(readNmea(sentence("GPGST,182141.00,15.5,15.3,7.2,21.8,3.0,4.0,1.5").trim())).toMatchObject({
      accuracyM: 10,
    });
    expect(readNmea(sentence("GPZDA,160012.71,11,03,2004,-1,00").trim())).toMatchObject({
      timeOfDayMs: 57_612_710,
      dayMs: Date.UTC(2004, 2, 11),
    });
  });

  it("knows what is no fix, however it is said", () => {
    const valid = (body: string): unknown => {
      const read = readNmea(sentence(body).trim());
      return typeof read === "string" ? read : read.isValid;
    };
    for (const body of [
      "GPRMC,,V,,,,,,,,,,N",
      "GPRMC,194812.00,V,,,,,,,290317,,,N",
      "GPRMC,112435.00,V,4807.0,N,01131.0,E,0,0,290317,,,A",
      "GPRMC,150449.000,L,4239.5210,N,02318.7727,E,39.75,326.93,040915,,",
      "GPRMC,112435.00,A,4807.0,N,01131.0,E,0,0,290317,,,N",
      "GPRMC,112435.00,A,4807.0,N,01131.0,E,0,0,290317,,,S",
      "GPRMC,112435.00,A,4807.0,N,01131.0,E,0,0,290317,,,M",
      "GPGGA,112435.00,4807.0,N,01131.0,E,0,00,,,M,,M,,",
      "GPGGA,112435.00,4807.0,N,01131.0,E,8,05,1,1,M,,M,,",
      "GPGGA,112435.00,4807.0,N,01131.0,E,,,,,M,,M,,",
      "GPGLL,,,,,,V,N",
      "GPGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99",
      "GNGNS,112435.00,4807.0,N,01131.0,E,NN,00,,,,,",
    ]) {
      expect([body, valid(body)]).toEqual([body, false]);
    }
    // Quectel's letters, and one that is older than mode letters.
    for (const letter of [",A", ",C", ",U", ",D", ",E", ",F", ",R", ",P", ""]) {
      expect(valid(`GPRMC,112435.00,A,4807.0,N,01131.0,E,0,0,290317,,${letter}`)).toBe(true);
    }
  });

  it("takes no position of zeros, of half a field, beyond the globe or without a hemisphere", () => {
    const position = (text: string): unknown => {
      const read = readNmea(sentence(`GPRMC,112435.00,A,${text},0,0,290317,,,A`).trim());
      return typeof read === "string" ? read : read.position;
    };
    for (const text of [
      "0.000,N,0.000,E",
      "0000.0000,S,00000.0000,W",
      ",,,",
      "4807.0,,01131.0,E",
      "4807.0,N,,E",
      "4860.0,N,01131.0,E",
      "9000.1,N,01131.0,E",
      "4807.0,N,18000.1,E",
      "-4807.0,N,01131.0,E",
      "48 7.0,N,01131.0,E",
      "4807.0,E,01131.0,N",
      "1e3,N,01131.0,E",
    ]) {
      expect([text, position(text)]).toEqual([text, undefined]);
    }
    expect(position("0000.0000,N,01131.0,E")).toMatchObject({ latitude: 0 });
    expect(position("9000.000,S,18000.0,W")).toEqual({ latitude: -90, longitude: -180 });
  });

  it("takes a sentence behind the rest of a line that was cut, or with a tag block", () => {
    const good = sentence("GPVTG,11.19,T,,M,0.188,N,0.348,K,A").trim();
    for (const before of ["+GPSRD:", "$GNRMC,132452.00,A,4109.76817,N,00838.23846,W,0.120,,1703", "\\s:r1*0A\\"]) {
      expect(readNmea(before + good)).toMatchObject({ type: "VTG" });
    }
  });

  it("takes nothing without a right checksum, and nothing foreign", () => {
    for (const line of [
      "$GPRMC,114130,A,3809.1250,N,02415.8050,E,12195.6,341.5,280915,5,E",
      "$GNGGA,001043.00,4404.14036,N,12118.85961,W,1,12,0.98,1113.0,M,-21.3,M*48",
      "$GNGGA,001043.00,4405.14036,N,12118.85961,W,1,12,0.98,1113.0,M,-21.3,M*47",
      "",
      "$",
      "$*00",
      "GNGGA",
      "\u00b5b\u0001\u0007",
      "$GPRMC,\u00ff*00",
    ]) {
      expect([line, readNmea(line)]).toEqual([line, "malformed"]);
    }
    expect(readNmea(sentence("PUBX,00,081350.00").trim())).toBe("other");
    expect(readNmea(sentence("GPGSV,1,1,01,11,,,25").trim())).toBe("other");
    expect(readNmea(sentence("GPtoString,1").trim())).toBe("malformed");
  });

  it("never throws, and never takes a line of which a byte was changed", () => {
    const [point] = trackOf({ points: 1, stepMs: 1000, startMs: Date.UTC(2026, 0, 1) });
    const lines = sentencesOf(point).trim().split("\r\n");
    fc.assert(
      fc.property(fc.constantFrom(...lines), fc.nat(), fc.integer({ min: 1, max: 255 }), (line, at, other) => {
        const bytes = Buffer.from(line, "latin1");
        const place = at % bytes.length;
        bytes[place] ^= other;
        const changed = bytes.toString("latin1");
        const read = readNmea(changed);
        // A letter of the checksum in the other case is the same number.
        if (changed.toUpperCase() === line) return;
        expect([changed, read]).toEqual([changed, "malformed"]);
      }),
      { seed: SEED, numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 100 }), (text) => {
        readNmea(`$GPRMC,${text}`);
        const body = `GPRMC,${text.replaceAll(/[^ -)+-~]|\$/g, "")}`;
        const read = readNmea(sentence(body).trim());
        expect(typeof read).toBe("object");
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});

describe("NmeaFixes", () => {
  const rmc = sentence("GNRMC,235959.500,A,4807.038,N,01131.000,E,10,84.4,311225,,,A").trim();
  const gga = sentence("GNGGA,235959.500,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,").trim();
  const gsa = sentence("GNGSA,A,2,04,05,,09,12,,,24,,,,,2.5,1.3,2.1").trim();

  it("puts together what the sentences of a moment say", () => {
    expect(rounded(lastOf(rmc, gga), 4)).toEqual({
      mode: "3d",
      timeUs: Date.UTC(2025, 11, 31, 23, 59, 59, 500) * 1000,
      receivedAtUs: 0,
      latitude: 48.1173,
      longitude: 11.5167,
      altitudeM: 545.4,
      heightM: 592.3,
      speedMps: 5.1444,
      courseDeg: 84.4,
      accuracyM: undefined,
      satellites: 8,
      hdop: 0.9,
    });
    expect(lastOf(rmc)).toMatchObject({ mode: "2d", altitudeM: undefined });
    expect(lastOf(gsa, rmc, gga)).toMatchObject({ mode: "2d", altitudeM: undefined, hdop: 0.9 });
    expect(lastOf(gsa, rmc)).toMatchObject({ hdop: 1.3 });
  });

  it("counts the day on when midnight passes before the next date", () => {
    const next = sentence("GNGGA,000000.000,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,").trim();
    expect(lastOf(rmc, next).timeUs).toBe(Date.UTC(2026, 0, 1) * 1000);
    expect(lastOf(next).timeUs).toBeUndefined();
  });

  it("mixes no two moments", () => {
    const later = sentence("GNGLL,4807.038,N,01131.000,E,000001.00,A,A").trim();
    expect(lastOf(rmc, gga, later)).toMatchObject({ speedMps: undefined, altitudeM: undefined, satellites: undefined });
  });

  it("has none where RMC warns, whatever GGA says", () => {
    const warned = sentence("GNRMC,235959.500,V,4807.038,N,01131.000,E,10,84.4,311225,,,A").trim();
    expect(fixesOf([warned, gga, gsa])).toEqual(["no-fix", "no-fix"]);
    expect(fixesOf([warned, gga, rmc]).at(-1)).toMatchObject({ satellites: 8 });
  });
});
