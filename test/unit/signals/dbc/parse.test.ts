import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import type { DbcProblem, ParsedDbc } from "../../../../agent/signals/dbc/model.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import { textOf } from "../../../../agent/signals/value-texts.ts";

const WHOLE = `VERSION "1.0"

NS_ :
\tCM_
\tVAL_

BS_:

BU_: Engine Gateway // the nodes
VAL_TABLE_ OnOff 1 "on" 0 "off" ;

BO_ 496 ExampleMessage: 8 Engine
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" Gateway,Engine
 SG_ Speed m1 : 8|16@1- (0.5,-10) [-100|1e3] "km/h" Gateway
 SG_ State m2 : 15|8@0+ (1,0) [0|0] "" Vector__XXX

BO_ 2566857534 Wide: 64 Vector__XXX
 SG_ Single : 0|32@1- (1,0) [0|0] "" Gateway
 SG_ Double : 63|64@0- (1,0) [0|0] "" Gateway

BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX
 SG_ Loose : 0|8@1+ (1,0) [0|0] "" Vector__XXX

BO_TX_BU_ 496 : Engine,Gateway;
EV_ Variable: 0 [0|1] "" 0 1 DUMMY_NODE_VECTOR0 Vector__XXX;
CM_ "the
whole \\"file\\";
BO_ 1 not a message";
CM_ BU_ Engine "node";
CM_ BO_ 496 "a message";
CM_ SG_ 496 Speed "a signal";
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","StandardCAN_FD","ExtendedCAN_FD";
BA_DEF_ BO_ "SystemMessageLongSymbol" STRING ;
BA_DEF_ SG_ "SystemSignalLongSymbol" STRING ;
BA_DEF_REL_ BU_SG_REL_ "Timeout" INT 0 65535;
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_DEF_DEF_REL_ "Timeout" 0;
BA_ "BusType" "CAN FD";
BA_ "VFrameFormat" BO_ 2566857534 3;
BA_ "SystemMessageLongSymbol" BO_ 2566857534 "WideMessageWithALongName";
BA_ "SystemSignalLongSymbol" SG_ 496 State "StateWithALongName";
BA_REL_ "Timeout" BU_SG_REL_ Engine SG_ 496 Speed 6000;
VAL_ 496 State 0 "idle" 255 "SNA" -1 "x" ;
VAL_ 496 Page OnOff ;
VAL_ Variable 0 "zero" ;
SIG_GROUP_ 496 Group 1 : Speed State;
SIG_VALTYPE_ 2566857534 Single : 1;
SIG_VALTYPE_ 2566857534 Double : 2;
SG_MUL_VAL_ 496 Speed Page 1-1, 4 - 6;
`;

function message(length: number, ...signals: string[]): string {
  return `BO_ 1 M: ${length} X\n${signals.map((signal) => ` SG_ ${signal} (1,0) [0|0] "" X\n`).join("")}`;
}

function placed(problems: readonly DbcProblem[]): string[] {
  return problems.map(({ line, column, text }) => `${line}:${column} ${text}`);
}

describe("parseDbc", () => {
  it("reads every statement that says something about frames and over all others", () => {
    const { database, errors, warnings } = parseDbc(WHOLE);
    expect([...errors, ...warnings]).toEqual([]);
    expect(database.version).toBe("1.0");
    expect(database.nodes).toEqual(["Engine", "Gateway"]);
    expect(database.messages.map(({ id, extended, fd, name, length }) => ({ id, extended, fd, name, length }))).toEqual(
      [
        { id: 496, extended: false, fd: false, name: "ExampleMessage", length: 8 },
        { id: 0x18ff_233e, extended: true, fd: true, name: "WideMessageWithALongName", length: 64 },
      ],
    );
    const [example, wide] = database.messages;
    expect(example).toMatchObject({ sender: "Engine", comment: "a message", line: 12 });
    expect(example.signals[0]).toMatchObject({ name: "Page", multiplexer: true, receivers: ["Gateway", "Engine"] });
    expect(example.signals[0].choices).toEqual({ raws: [0, 1], texts: ["off", "on"] });
    expect(example.signals[1]).toEqual({
      name: "Speed",
      startBit: 8,
      bits: 16,
      byteOrder: "little",
      signed: true,
      kind: "integer",
      factor: 0.5,
      offset: -10,
      minimum: -100,
      maximum: 1000,
      unit: "km/h",
      receivers: ["Gateway"],
      comment: "a signal",
      multiplexer: false,
      choices: undefined,
      spn: undefined,
      line: 14,
      multiplexing: {
        by: "Page",
        ranges: [
          [1, 1],
          [4, 6],
        ],
      },
    });
    expect(example.signals[2]).toMatchObject({ name: "StateWithALongName", byteOrder: "big", signed: false });
    expect(example.signals[2].multiplexing).toEqual({ by: "Page", ranges: [[2, 2]] });
    expect(textOf(example.signals[2].choices, 255)).toBe("SNA");
    expect(wide.signals.map((signal) => signal.kind)).toEqual(["float", "double"]);
  });

  it("names line and column of what it cannot read, and goes on", () => {
    const { database, errors, warnings } = parseDbc(
      [
        "BO_ 1 First: 8 X",
        ' SG_ Good : 0|8@1+ (1,0) [0|0] "" X',
        ' SG_ Bad : 8|x@1+ (1,0) [0|0] "" X',
        ' SG_ After : 16|8@1+ (1,0) [0|0] "" X',
        "BO_ two Second: 8 X",
        ' SG_ Lost : 0|8@1+ (1,0) [0|0] "" X',
        "garbage",
        "VAL_ 1 Good 0 zero ;",
        "BO_ 3 Third: 8 X",
        'CM_ BO_ 3 "no semicolon"',
        "BO_ 4 Fourth: 8 X",
        'CM_ "never closed',
      ].join("\r\n"),
    );
    expect(placed(errors)).toEqual([
      "3:14 expected the signal size, found x; the signal is left out",
      "5:5 expected the message id, found two; the message and its signals are left out",
      "7:1 expected a statement, found garbage",
    ]);
    expect(placed(warnings)).toEqual([
      "8:15 expected the text of the value, found zero",
      "11:1 expected ';' at the end of the CM_ before",
      "12:5 the comment has no closing quote",
      "12:18 expected ';' at the end of the CM_ before",
    ]);
    expect(database.messages.map(({ name }) => name)).toEqual(["First", "Third", "Fourth"]);
    expect(database.messages[0].signals.map(({ name }) => name)).toEqual(["Good", "After"]);
  });

  it.each([
    [message(2, "A : 8|16@1+"), "2:6 signal A needs 3 bytes, message M has 2"],
    [message(8, "A : 0|8@1+", "A : 8|8@1+"), "3:6 signal A is twice, first in line 2 of message M; both are left out"],
    [message(8, "A : 0|0@1+"), "2:6 signal A has 0 bits; 1 to 64 can be read; it is left out"],
    [
      message(8, "A : 0|8@1+", "B : 8|8@1+").replaceAll("BO_ 1", "BO_ 0x1F"),
      "1:5 the message id 0x1F is hexadecimal; ids are decimal (31); the message and its signals are left out",
    ],
    [' SG_ A : 0|8@1+ (1,0) [0|0] "" X\n', "1:6 signal A is left out: no BO_ stands before it"],
    [message(8, "A : 600|8@1+"), "2:6 signal A starts at bit 600, past the longest frame; it is left out"],
    [message(8, "A : 0|8@2+"), "2:14 expected 0+, 0-, 1+ or 1- after '@', found 2+; the signal is left out"],
    [
      message(8, "A m1 : 0|8@1+"),
      "2:6 message M: signal A has an unknown multiplexer: no signal is marked M; it is left out",
    ],
    [message(8, "A m1x : 0|8@1+"), "2:8 expected ':', M, m<number> or m<number>M, found m1x; the signal is left out"],
    [
      `${message(8, "A : 0|8@1+")}SG_MUL_VAL_ 1 A B 0-0;`,
      "3:13 message M: signal A has the unknown multiplexer B; it is left out",
    ],
    [
      `${message(8, "A : 0|16@1+")}SIG_VALTYPE_ 1 A : 1;`,
      "2:6 signal A is an IEEE float of 16 bits; it must have 32; it is left out",
    ],
    ["BO_ 1 M: 8 X\nBO_ 1 N: 8 X\n", "2:5 message id 1 of N is already that of M in line 1; both are left out"],
    [
      "BO_ 2048 M: 8 X\n",
      "1:5 message id 2048 of M has more than 11 bits; a 29-bit id needs 2147483648 added; the message is left out",
    ],
    ["BO_ 2684354560 M: 8 X\n", "1:5 message id 2684354560 of M has more than 29 bits; the message is left out"],
    [
      'BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (0,5) [0|0] "" X\n',
      "2:6 signal A has the factor 0: every raw value would mean 5; it is left out",
    ],
    [
      'BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (1e999,5) [0|0] "" X\n',
      "2:18 the factor is too large for a number; the signal is left out",
    ],
  ])("refuses %j", (text, problem) => {
    expect(placed(parseDbc(text).errors)).toEqual([problem]);
  });

  it("gives no signal below a line that may have begun another message to the message above", () => {
    const { database, errors } = parseDbc(
      `${message(8, "A : 0|8@1+")}BO__ 2 N: 8 X\n SG_ B : 8|8@1+ (1,0) [0|0] "" X\nBO_ 3 O: 8 X\n`,
    );
    expect(placed(errors)).toEqual([
      "3:1 expected a statement, found BO__",
      "4:6 signal B is left out: line 3 cannot be read and may have begun another message",
    ]);
    expect(database.messages.map(({ name, signals, complete }) => [name, signals.length, complete])).toEqual([
      ["M", 1, false],
      ["O", 0, true],
    ]);
  });

  it("goes on with the message below a signal that cannot be read", () => {
    const { database } = parseDbc(message(8, "A : 0|8@1+", "B ; 8|8@1+", "C : 16|8@1+"));
    expect(database.messages[0].signals.map(({ name }) => name)).toEqual(["A", "C"]);
    expect(database.messages[0].complete).toBe(false);
  });

  it.each([
    ["SIG_VALTYPE_ 1 A : x;", "4:20 expected the value type, found x; the signal it is about is left out"],
    ["SIG_VALTYPE_ 1 A : 3;", "4:14 value type 3 is unknown (0 integer, 1 float, 2 double); the signal is left out"],
    ["SG_MUL_VAL_ 1 A P 0-;", "4:21 expected the last value, found ;; the signal it is about is left out"],
    ["SG_MUL_VAL_ 1 A P 3-1;", "4:13 message M: signal A has only empty ranges; it is left out"],
    [
      "SG_MUL_VAL_ 1 A P 0-1;\nSG_MUL_VAL_ 1 A Q 0-1;",
      "5:13 message M: signal A depends on two multiplexers, P and Q; it is left out",
    ],
  ])("leaves out the signal that %j is about", (statement, problem) => {
    const { database, errors } = parseDbc(message(8, "A : 0|32@1+", "P M : 32|8@1+") + statement);
    expect(placed(errors)).toEqual([problem]);
    expect(database.messages[0].signals.map(({ name }) => name)).toEqual(["P"]);
  });

  it.each([
    ["SIG_VALTYPE_ 1", "A"],
    ["SIG_VALTYPE_ 1x A : 1;", "A"],
    ["SIG_VALTYPE_ 2 A : 1;", "A"],
    ["SIG_VALTYPE_ 1 A# : 1;", "A"],
    ["SIG_V##TYPE_ 1 A : 1;", "A"],
    ["SIG_VALTY", "A"],
    ["SG_MUL_VAL_ 1 C# P 1-1;", "P C"],
    ["SG_MU#_VAL_ 1 C P 1-1;", "C"],
    ["SG_MUL_VAL_ 9", "P C"],
  ])("leaves out every signal that %j may be about", (statement, lost) => {
    const signals = message(8, "A : 0|32@1+", "B : 32|32@1+", "P M : 32|8@1+", "C m0 : 40|8@1+");
    const { database, errors } = parseDbc(`${signals}SIG_VALTYPE_ 1 B : 1;\n${statement}\n`);
    const kept = database.messages[0].signals.map(({ name }) => name);
    expect(["A", "B", "P", "C"].filter((name) => !kept.includes(name)).join(" ")).toBe(lost);
    expect(errors.map(({ text }) => text).join("\n")).toMatch(
      /is left out: the (SIG_VALTYPE_|SG_MUL_VAL_) in line 7 may be about it/,
    );
  });

  it("does not doubt a signal for what is said of others that are left out or in no message", () => {
    const { database } = parseDbc(
      `${message(8, "A : 0|32@1+", "B : x|32@1+")}BO_ 2048 N: 8 X\nSIG_VALTYPE_ 1 B : 1;\nSIG_VALTYPE_ 2048 A : 1;\n` +
        "SIG_VALTYPE_ 3221225472 A : 1;\nSIG_VALTYPE_ 77 Gone : 1;\n",
    );
    expect(database.messages[0].signals.map(({ name }) => name)).toEqual(["A"]);
  });

  it("keeps a message and a signal that are there again as they were, with a warning, and neither of two that differ", () => {
    const twice = message(8, "A : 0|8@1+", "A : 0|8@1+", "B : 8|8@1+", "B : 9|8@1+");
    const { database, errors, warnings } = parseDbc(`${twice}BO_ 2 N: 8 X\nBO_ 2 N: 8 X\nBO_ 3 O: 8 X\nBO_ 3 P: 8 X\n`);
    expect(database.messages.map(({ name, signals }) => [name, signals.map((signal) => signal.name)])).toEqual([
      ["M", ["A"]],
      ["N", []],
    ]);
    expect(placed(warnings)).toEqual([
      "7:5 message N is there again, as N in line 6",
      "3:6 signal A is there again, first in line 2 of message M",
    ]);
    expect(placed(errors)).toEqual([
      "9:5 message id 3 of P is already that of O in line 8; both are left out",
      "5:6 signal B is twice, first in line 4 of message M; both are left out",
    ]);
  });

  it("adds up what several SG_MUL_VAL_ say of one multiplexer, and warns of values that it never has", () => {
    const signals = message(8, "P M : 0|4@1+", "A m0 : 8|8@1+", "B m16 : 8|8@1+");
    const { database, errors, warnings } = parseDbc(`${signals}SG_MUL_VAL_ 1 A P 1-1;\nSG_MUL_VAL_ 1 A P 3-4;`);
    expect(database.messages[0].signals[1].multiplexing?.ranges).toEqual([
      [1, 1],
      [3, 4],
    ]);
    expect(errors).toEqual([]);
    expect(placed(warnings)).toEqual([
      "6:13 signal A has another SG_MUL_VAL_; the ranges of both count",
      "4:6 signal B can never be present: its multiplexer P has 4 bits and is never 16",
    ]);
  });

  it("reads comments with quotes in them, and ends one that is never closed before the next statement", () => {
    const { database, errors, warnings } = parseDbc(
      `CM_ BO_ 1 "not yet";\n${message(8, "A : 0|8@1+", "B : 8|8@1+", "C : 16|8@1+")}` +
        'CM_ SG_ 1 A "the "best" value";\nCM_ SG_ 1 B "C:\\dir\\";\nCM_ SG_ 1 C "never closed;\nBO_ 2 N: 8 X\n' +
        ' SG_ D : 0|8@1+ (1,0) [0|0] "" X\nBA_ "Path" "D:\\";\nVAL_ 2 D 1 "one" ;\n',
    );
    expect(database.messages.flatMap(({ signals }) => signals.map(({ name, comment }) => [name, comment]))).toEqual([
      ["A", 'the "best" value'],
      ["B", "C:\\dir\\"],
      ["C", "never closed;"],
      ["D", ""],
    ]);
    expect(errors).toEqual([]);
    expect(placed(warnings)).toEqual([
      "1:9 CM_ names the unknown message 1",
      "6:13 the comment has quotes in it",
      "8:13 the comment has no closing quote",
      "9:1 expected ';' at the end of the CM_ before",
    ]);
    expect(textOf(database.messages[1].signals[0].choices, 1)).toBe("one");
  });

  it("refuses multiplexers that depend on each other", () => {
    const signals = message(8, "A m0M : 0|8@1+", "B m0M : 8|8@1+", "C : 16|8@1+");
    const { database, errors } = parseDbc(`${signals}SG_MUL_VAL_ 1 A B 0-0;\nSG_MUL_VAL_ 1 B A 0-0;\n`);
    expect(errors.length).toBe(2);
    expect(database.messages[0].signals.map(({ name }) => name)).toEqual(["C"]);
  });

  it("warns of overlapping signals, but not of different multiplexer branches", () => {
    const { warnings, errors } = parseDbc(
      message(8, "P M : 0|8@1+", "A m1 : 8|8@1+", "B m2 : 8|8@1+", "C m1 : 12|8@1+", "D : 19|8@0+"),
    );
    expect(errors).toEqual([]);
    expect(placed(warnings)).toEqual(["5:6 signal C overlaps signal A in message M"]);
  });

  it("warns of branches of two switches that overlap, and of ranges that have a value in common", () => {
    const switches = message(8, "A M : 0|4@1+", "B M : 4|4@1+", "X m1 : 8|8@1+", "Y m2 : 12|8@1+", "Z m5 : 16|4@1+");
    const ranges = "SG_MUL_VAL_ 1 X A 1-4;\nSG_MUL_VAL_ 1 Y B 2-2;\nSG_MUL_VAL_ 1 Z A 5-5;\n";
    expect(placed(parseDbc(switches + ranges).warnings)).toEqual([
      "5:6 signal Y overlaps signal X in message M",
      "6:6 signal Z overlaps signal Y in message M",
    ]);
    const partly = message(8, "A M : 0|8@1+", "X m1 : 8|8@1+", "Y m2 : 12|8@1+", "Z m9 : 8|16@1+");
    const shared = "SG_MUL_VAL_ 1 X A 1-4;\nSG_MUL_VAL_ 1 Y A 4-6;\nSG_MUL_VAL_ 1 Z A 9-9;\n";
    expect(placed(parseDbc(partly + shared).warnings)).toEqual(["4:6 signal Y overlaps signal X in message M"]);
  });

  it("warns of statements about messages and signals that are not there", () => {
    const { warnings } = parseDbc(`${message(8, "A : 0|8@1+")}CM_ BO_ 2 "x";\nVAL_ 1 B 0 "x";\nVAL_ 1 A None;\n`);
    expect(placed(warnings)).toEqual([
      "3:9 CM_ names the unknown message 2",
      "4:8 VAL_ names the unknown signal B of message M",
      "5:10 VAL_ names the unknown table None",
    ]);
  });

  it("keeps signal names unique when long names are not", () => {
    const names = 'BA_ "SystemSignalLongSymbol" SG_ 1 A "B";\nBA_ "SystemSignalLongSymbol" SG_ 1 C "Long";\n';
    const { database, warnings } = parseDbc(`${message(8, "A : 0|8@1+", "B : 8|8@1+", "C : 16|8@1+")}${names}`);
    expect(database.messages[0].signals.map(({ name }) => name)).toEqual(["A", "B", "Long"]);
    expect(placed(warnings)).toEqual(["2:6 the long name B is used twice"]);
  });

  it("keeps at most 1000 problems", () => {
    const { errors } = parseDbc("BO_ x\n".repeat(5000));
    expect(errors.length).toBe(1001);
    expect(errors[1000].text).toBe("more follow");
  });

  it("never throws, whatever the text, and its database always makes a table", () => {
    const pieces = [...(WHOLE.match(/[A-Za-z0-9_]+|[^A-Za-z0-9_]/g) ?? [])];
    const edit = fc.record({
      at: fc.nat(pieces.length),
      remove: fc.nat(4),
      insert: fc.oneof(
        fc.constantFrom(...pieces),
        fc.string(),
        fc.constantFrom("-1", "1e400", "99999999999999999999", '"', "\n"),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 8 }), fc.nat(pieces.length), (edits, length) => {
        const mutated = [...pieces];
        for (const { at, remove, insert } of edits) mutated.splice(at, remove, insert);
        for (const text of [mutated.join(""), mutated.slice(0, length).join("")]) expectSound(parseDbc(text), text);
      }),
      { numRuns: 1500, seed: 3 },
    );
  });
});

function expectSound({ database, errors, warnings }: ParsedDbc, text: string): void {
  const lines = text.split("\n");
  for (const { line, column } of [...errors, ...warnings]) {
    expect(line >= 1 && line <= lines.length && column >= 1 && column <= lines[line - 1].length + 1).toBe(true);
  }
  const table = createSignalTable([{ bus: "can0", database }]);
  for (const { decode, length } of table.messages) {
    decode(new Uint8Array(64), 0, Math.min(length, 64), table.values, table.wides, table.present);
  }
}
