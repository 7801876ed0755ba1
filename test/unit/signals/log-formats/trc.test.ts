import { describe, expect, it } from "vitest";
import { shown } from "./log-vectors.ts";

// Files of PCAN-View 5 and PEAK-Converter 2 and 3 (python-can test/data/test_CanMessage*.trc), shortened.
const V1_0 = `;##########################################################################
;   C:\\NewFileName_BUS1.trc
;    Start time: 18.12.2021 14:28:07.062
;----+-   ---+---  ----+---  +  -+ -- -- ...
     1)     17535  00000100  8  00 00 00 00 00 00 00 00
     2)     17540  FFFFFFFF  4  00 00 00 08 -- -- -- -- BUSHEAVY
     5)     19295      0000  2  00 01
    12)     48937      0704  1  RTR`;
const V1_1 = `;$FILEVERSION=1.1
;$STARTTIME=44548.6028595139
;   Start time: 18.12.2021 14:28:07.062.0
     1)     17535.4  Tx     00000100  8  00 00 00 00 00 00 00 00 
     2)     17540.3  Warng  FFFFFFFF  4  00 00 00 08  BUSHEAVY 
    12)     48937.6  Rx         0704  1  RTR`;
const V1_3 = `;$FILEVERSION=1.3
;$STARTTIME=44548.6028595139
     1)     17535.400 1  Tx    00000100 -  8    00 00 00 00 00 00 00 00
     2)     17540.300 1  Warng FFFFFFFF -  4    00 00 00 08 BUSHEAVY
    12)     48937.600 2  Rx        0704 -  1    RTR`;
const V2_0 = `;$FILEVERSION=2.0
;$STARTTIME=44548.6028595139
;$COLUMNS=N,O,T,I,d,l,D
      1     17535.400 DT 00000100 Tx 8  00 00 00 00 00 00 00 00
      2     17540.300 ST          Rx    00 00 00 08
     12     48937.600 RR     0704 Rx 1`;
const V2_1 = `;$FILEVERSION=2.1
;$STARTTIME=43008.920986006946
;$COLUMNS=N,O,T,B,I,d,R,L,D
;   Start time: 30.09.2017 22:06:13.191.000
      1      2501.000 DT 2      00C8 Tx -  8    09 08 07 06 05 04 03 02
      2     17876.708 FB 1      06F9 Rx -  9    00 01 02 03 04 05 06 07 08 09 0A 0B
      3     17876.709 FE 1  000006F9 Rx -  0
      4     17876.710 ER 1  - Rx -  5 04 00 02 00 00`;

describe("TRC", () => {
  it.each([
    [
      "1.0",
      V1_0,
      [
        "(1639837704.597000) can0 00000100#0000000000000000",
        "(1639837706.357000) can0 000#0001",
        "(1639837735.999000) can0 704#R1",
      ],
    ],
    ["1.1", V1_1, ["(1639837704.597401) can0 00000100#0000000000000000", "(1639837735.999601) can0 704#R1"]],
    ["1.3", V1_3, ["(1639837704.597401) can0 00000100#0000000000000000", "(1639837735.999601) can1 704#R1"]],
    ["2.0", V2_0, ["(1639837704.597401) can0 00000100#0000000000000000", "(1639837735.999601) can0 704#R1"]],
    [
      "2.1",
      V2_1,
      [
        "(1506809175.692000) can1 0C8#0908070605040302",
        "(1506809191.067708) can0 6F9##5000102030405060708090A0B",
        "(1506809191.067709) can0 000006F9##7",
        "(1506809191.067710) can0 20000080#0000000000000000",
      ],
    ],
  ])("reads version %s", async (_version, text, wanted) => {
    expect(await shown(text)).toEqual(wanted);
  });

  it.each([
    [";$FILEVERSION=1.1\n1) x Tx 0100 0", "drive:2:4 expected a time offset in milliseconds"],
    [
      ";$FILEVERSION=1.1\n1) 1.0 Tx 0100 9 00",
      "drive:2:20 expected 8 data bytes, found 1 and then the end of the line",
    ],
    [";$FILEVERSION=1.1\n1) 1.0 Tx 0800 0", "drive:2:11 an id of 11 bits is at most 7FF, found 0800 (hexadecimal)"],
    [";$STARTTIME=yesterday", "drive:1:1 the start time cannot be read; times count from 1970"],
    [";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,D\n1 1.0 DT 00", "drive:3:12 expected an arbitration id, found "],
  ])("says of %j what is wrong", async (text, problem) => {
    expect((await shown(text))[0]).toBe(problem);
  });
});
