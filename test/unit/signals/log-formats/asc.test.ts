import { describe, expect, it } from "vitest";
import { parseAscDate } from "../../../../agent/signals/log-formats/asc-date.ts";
import { FRAMES, PYTHON_CAN_ASC, shown } from "./log-vectors.ts";

const HEAD = "date Sam Sep 30 15:06:13.191 2017\nbase hex  timestamps absolute\ninternal events logged\n";
const START = "1506783973.191000";

async function read(lines: string, head = HEAD): Promise<readonly string[]> {
  return shown(`${head}${lines}\n`);
}

describe("ASC", () => {
  it("reads what python-can wrote", async () => {
    // The class of the error frame is not in this format; asc2log gives CAN_ERR_BUSERROR too.
    const wanted = FRAMES.map((line) => line.replace("20000004#0004000000000000", "20000080#0000000000000000"));
    expect(await shown(PYTHON_CAN_ASC)).toEqual(wanted);
  });

  // Lines of CANalyzer and CANoe (python-can test/data: logfile.asc, test_CanFdMessage.asc, test_CanFdMessage64.asc, issue_1299.asc, ...).
  it.each([
    [
      "0.000000 1  6F9             Rx   d 8 05 0C 00 00 00 00 00 00  Length = 240015 BitCount = 124 ID = 1785",
      "can0 6F9#050C000000000000",
    ],
    [
      "0.000000 1  18EBFF00x       Rx d 8 01 A0 0F A6 60 3B D1 40    Length = 273910 BitCount = 141 ID = 418119424x",
      "can0 18EBFF00#01A00FA6603BD140",
    ],
    [
      "0.000000 1  3FF             Tx   d D 55 AA 01 02 03 04 05 06  Length = 232016 BitCount = 119 ID = 1023",
      "can0 3FF#55AA010203040506",
    ],
    ["0.000000 2 100 Tx r", "can1 100#R"],
    ["0.000000 3 200 Tx r Length = 1704000 BitCount = 145 ID = 88888888x", "can2 200#R"],
    ["0.000000 4 300 Tx r 8 Length = 1704000 BitCount = 145 ID = 88888888x", "can3 300#R8"],
    ["0.000000 1 ErrorFrame ECC: 10100010", "can0 20000080#0000000000000000"],
    [
      "0.000000 2 ErrorFrame Flags = 0xe CodeExt = 0x20a2 Code = 0x82 ID = 0 DLC = 0 Position = 5 Length = 11300",
      "can1 20000080#0000000000000000",
    ],
    [
      "0.000000 CANFD   1 Rx        300                                   1 0 8  8 11 c2 03 04 05 06 07 08   102203  133   303000 e0006659 46500250 4b140250 20011736 2001040d",
      "can0 300##511C2030405060708",
    ],
    [
      "0.000000 CANFD   3 Rx        30a  Generic_Name_12                  1 1 8  8 01 02 03 04 05 06 07 08   102203  133   303000 e0006659 46500250 4b140250 20011736 2001040d",
      "can2 30A##70102030405060708",
    ],
    [
      `0.000000 CANFD   4 Rx        1C4D80A7x    AlphaNumericName_2          1 0 f 64 b1 ${"00 ".repeat(63)} 1331984 11 0 46500250 460a0250 20011736 20010205`,
      `can3 1C4D80A7##5B1${"00".repeat(63)}`,
    ],
    [
      "0.000000 CANFD   3 Tx     50005x                                0 1 5 0 140000 73 200050 7a60 46500250 460a0250 20011736 20010205",
      "can2 00050005#R5",
    ],
    [
      "0.000000 CANFD   5 Tx ErrorFrame Not Acknowledge error, dominant error flag fffe c7 31ca Arb. 556 44 0 0 f 64 00",
      "can4 20000080#0000000000000000",
    ],
    // log2asc -f (can-utils 2020.11) writes classic frames so.
    [
      "0.000000 CANFD   1 Rx        110                                   0 0 4  4 00 11 22 33   130000  130        0 0 0 0 0 0",
      "can0 110#00112233",
    ],
    [
      "0.000000 CANFD   1 Rx        110                                   0 0 8  0   130000  130       10 0 0 0 0 0",
      "can0 110#R8",
    ],
    // An FD frame without data is no remote frame.
    [
      "0.000000 CANFD   1 Rx        110                                   0 0 0  0   130000  130     1000 0 0 0 0 0",
      "can0 110##4",
    ],
  ])("reads %j", async (line, frame) => {
    expect(await read(line)).toEqual([`(${START}) ${frame}`]);
  });

  it.each([
    "// 0.000000 1 6F9 Rx d 1 00",
    "   0.015991 CAN 1 Status:chip status error passive - TxErr: 132 RxErr: 0",
    "   1.015991 1  Statistic: D 0 R 0 XD 0 XR 0 E 0 O 0 B 0.00%",
    "   3.297743 1  J1939TP FEE3p        6    0  0   -   Rx   d 23 A0 0F A6 60 3B D1 40 1F DE 80 25",
    "   0.000000 Start of measurement",
    "   0.000000 CANFD Start of measurement",
    "   0.000000 1  6F9             TxRq d 1 00",
    "   0.000000 Li 22 Rx 2 00 00 checksum = 0",
    "End TriggerBlock",
  ])("takes %j for no frame", async (line) => {
    expect(await read(line)).toEqual([]);
  });

  it.each([
    ["0.0 1 6F9 Rx d 8 00 01", "drive:4:23 expected 8 data bytes, found 2 and then the end of the line"],
    ["0.0 1 6F9 Rx d 2 00 1G", "drive:4:21 expected 2 data bytes, found 1 and then 1G"],
    ["0.0 1 800 Rx d 0", "drive:4:7 an id of 11 bits is at most 7FF, found 800 (hexadecimal)"],
    ["0.0 1 EngineData Rx d 0", "drive:4:7 expected an arbitration id, found EngineData"],
    ["0.0 CANFD 1 Rx 110 1 0 9 13 00", "drive:4:26 13 data bytes do not fit such a frame"],
    ["0.0 CANFD 1 Rx 110 1 0 9 99 00", "drive:4:26 expected a data length, a number of at most 64, found 99"],
    ["0.0 CANFD 1 Rx 110 1 0", "drive:4:23 expected a length code, found the end of the line"],
    ["0,5 1 110 Rx d 0", "drive:4:1 expected a time in seconds"],
    ["date once upon a time", "drive:4:1 the date cannot be read; times go on from the start before, or from 1970"],
  ])("says of %j what is wrong", async (line, problem) => {
    expect(await read(line)).toEqual([problem]);
  });

  it("reads ids and data in decimal", async () => {
    const head = HEAD.replace("base hex", "base dec");
    expect(await read("0.0 1 418119424x Rx d 2 255 16\n0.0 1 100 Rx d 0", head)).toEqual([
      `(${START}) can0 18EBFF00#FF10`,
      `(${START}) can0 064#`,
    ]);
    expect(await read("0.0 1 100 Rx d 1 256", head)).toEqual([
      "drive:4:18 expected 1 data bytes, found 0 and then 256",
    ]);
  });

  it("adds up times that are relative to the event before, whatever that was", async () => {
    const head = HEAD.replace("absolute", "relative");
    const lines = "0.5 Start of measurement\n0.25 1 100 Rx d 0\n1.0 1  Statistic: D 0\n0.000001 1 101 Rx d 0";
    expect(await read(lines, head)).toEqual(["(1506783973.941000) can0 100#", "(1506783974.941001) can0 101#"]);
  });

  it("counts from the trigger block, and goes on from there in a later one whose times go on", async () => {
    const lines = [
      "Begin Triggerblock Sat Sep 30 10:06:13.191 PM 2017",
      "1.0 1 100 Rx d 0",
      "End TriggerBlock",
      "Begin Triggerblock Sat Sep 30 10:06:23.191 PM 2017",
      "10.0 1 101 Rx d 0",
      "End TriggerBlock",
      "Begin Triggerblock Sat Sep 30 11:00:00.000 PM 2017",
      "0.5 1 102 Rx d 0",
    ];
    expect(await read(lines.join("\n"))).toEqual([
      "(1506809174.191000) can0 100#",
      "(1506809183.191000) can0 101#",
      "(1506812400.500000) can0 102#",
    ]);
  });

  it("takes a time before the start", async () => {
    expect(await read("-0.191000 1 100 Rx d 0")).toEqual(["(1506783973.000000) can0 100#"]);
  });

  it("counts from 1970 without a date", async () => {
    expect(await read("1.5 1 100 Rx d 0", "base hex timestamps absolute\n")).toEqual(["(0000000001.500000) can0 100#"]);
  });
});

describe("parseAscDate", () => {
  // Forms of CANalyzer, CANoe and python-can in several languages; the seconds are those of date -u -d.
  it.each([
    ["Sam Sep 30 15:06:13.191 2017", 1_506_783_973_191_000],
    ["Thu Apr 28 10:44:52.480 am 2022", 1_651_142_692_480_000],
    ["Tue May 27 04:09:35.000 pm 2014", 1_401_206_975_000_000],
    ["Sat Sep 30 15:06:13.191 pm 2017", 1_506_783_973_191_000],
    ["Sat Sep 30 12:06:13 am 2017", 1_506_729_973_000_000],
    ["Sat Sep 30 12:06:13 PM 2017", 1_506_773_173_000_000],
    ["Die Mai 27 16:09:35 2014", 1_401_206_975_000_000],
    ["Mit Dez 27 03:34:56.916858 2023", 1_703_648_096_916_858],
    ["Don Mär 2 00:00:00 2017", 1_488_412_800_000_000],
    ["Don M\ufffdr 2 00:00:00 2017", 1_488_412_800_000_000],
    ["jeu. févr. 29 00:00:00 2024", 1_709_164_800_000_000],
    ["mar. sept. 30 00:00:00 2014", 1_412_035_200_000_000],
    ["lun ene 1 00:00:01 2024", 1_704_067_201_000_000],
    ["周二 5月 27 04:09:35 下午 2014", 1_401_206_975_000_000],
    ["30.09.2017 15:06:13.191", 1_506_783_973_191_000],
    ["2017-09-30 15:06:13", 1_506_783_973_000_000],
  ])("reads %j", (text, us) => {
    expect(parseAscDate(text)).toBe(us);
  });

  it.each([
    "",
    "Sam Sep 31 15:06:13 2017",
    "Sam Xyz 30 15:06:13 2017",
    "Sep 30 25:06:13 2017",
    "Sep 30 2017",
    "15:06:13",
  ])("reads nothing in %j", (text) => {
    expect(parseAscDate(text)).toBeUndefined();
  });
});
