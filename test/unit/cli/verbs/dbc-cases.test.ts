import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

// Inputs made after public bug reports, each with the value that is right.
const CASES = join(import.meta.dirname, "../../../fixtures/cases");

const decodedFrame = z.object({ raw: z.record(z.string(), z.number()), phys: z.record(z.string(), z.number()) });

function fileOf(start: string, end: string): string {
  const name = readdirSync(CASES).find((file) => file.startsWith(start) && file.endsWith(end));
  if (name === undefined) throw new Error(`no case ${start}*${end}`);
  return join(CASES, name);
}

/** Raw and physical values of each frame of a case's log. */
async function valuesOf(start: string, args: readonly string[] = []): Promise<readonly z.infer<typeof decodedFrame>[]> {
  const files = [fileOf(start, ".dbc"), fileOf(start, ".log")];
  const { stdout } = await runCli(["signals", "decode", "--json", ...args, "--dbc", ...files]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => decodedFrame.parse(JSON.parse(line)));
}

async function rawsOf(start: string): Promise<readonly unknown[]> {
  return (await valuesOf(start)).map(({ raw }) => raw);
}

/** What `dbc check` says of a case, without the name of the file, and how it ends. */
async function check(start: string): Promise<readonly [exitCode: number, ...told: string[]]> {
  const file = fileOf(start, ".dbc");
  const { stdout, exitCode } = await runCli(["dbc", "check", file]);
  const lines = stdout.trimEnd().split("\n").slice(0, -1);
  return [exitCode, ...lines.map((line) => line.slice(file.length + 1))];
}

describe("DBC files that people have", () => {
  it("f01: a J1939 message by its PGN, whatever priority and source", async () => {
    expect(await check("f01")).toEqual([0]);
    const speed = { raw: { EngineSpeed: 16_000 }, phys: { EngineSpeed: 2000 } };
    expect(await valuesOf("f01")).toEqual([speed, speed, speed]);
    const { stdout } = await runCli(["dbc", "show", fileOf("f01", ".dbc"), "EEC1"]);
    expect(stdout).toContain("EEC1: id 0x0CF004FE (PGN 61444, from any source), 8 bytes");
  });

  it("f02: a signal name in two branches that exclude each other", async () => {
    expect(await check("f02")).toEqual([0]);
    expect((await valuesOf("f02"))[1]).toEqual({
      raw: { Page: 1, Level: 42, Other: 5 },
      phys: { Page: 1, Level: 21, Other: 5 },
    });
  });

  it("f03: an NS_ list on one line", async () => {
    expect(await check("f03")).toEqual([0]);
    expect(await rawsOf("f03")).toEqual([{ s: 5 }]);
  });

  it("f04: statements without their ';' cost a warning", async () => {
    expect(await check("f04")).toEqual([
      0,
      "13:1 warning: expected ';' at the end of the CM_ before",
      "14:1 warning: expected ';' at the end of the VAL_ before",
      '15:12 warning: expected the signal name, found "',
      "16:13 warning: expected the comment, found u",
    ]);
    expect(await rawsOf("f04")).toEqual([{ s: 2, u: 1 }]);
  });

  it("f05: a bound beyond a 64-bit number costs the bound", async () => {
    const [exitCode, first, ...more] = await check("f05");
    expect([exitCode, first, more.length]).toEqual([
      0,
      "10:26 warning: the maximum 4.446241647709404462001681407E+481 is beyond a 64-bit number; there is none",
      3,
    ]);
    expect(await rawsOf("f05")).toEqual([{ s: 1, t: 2, u: 3 }]);
    const { stdout } = await runCli(["dbc", "show", fileOf("f05", ".dbc"), "M", "--json"]);
    expect(stdout).toContain('"minimum":"-inf","maximum":"inf"');
  });

  it("f06: a signal of more than 64 bits is left out, the others of its message are not", async () => {
    expect(await check("f06")).toEqual([
      0,
      "11:6 warning: signal Payload has 128 bits; 1 to 64 can be read; it is left out",
    ]);
    expect(await rawsOf("f06")).toEqual([{ Head: 170, Tail: 187 }]);
  });

  it("f13: a text in GB 2312, right when that is said and with a warning when not", async () => {
    const files = [fileOf("f13", ".dbc"), fileOf("f13", ".log")];
    const { stdout } = await runCli(["signals", "decode", "--encoding", "gb2312", "--dbc", ...files]);
    expect(stdout).toContain(":: G(t: 打开)");
    const shown = await runCli(["dbc", "show", "--encoding", "gb2312", fileOf("f13", ".dbc"), "G"]);
    expect(shown.stdout).toContain("-40..110 ℃");
    expect(shown.stdout).toContain("t 0: 关闭");
    const [exitCode, warning] = await check("f13");
    expect([exitCode, warning?.slice(0, 41)]).toEqual([0, "10:34 warning: the text here is not UTF-8"]);
    expect(await rawsOf("f13")).toEqual([{ t: 1 }]);
  });

  it.each([
    ["f14", "shift_jis", "能", ["S", "S2"]],
    ["f15", "gbk", "誠", ["K", "K2"]],
  ])("%s: a text whose second byte is a backslash, in %s", async (start, encoding, one, messages) => {
    const file = fileOf(start, ".dbc");
    for (const args of [[], ["--encoding", encoding]]) {
      const { stdout } = await runCli(["dbc", "list", "--json", ...args, file]);
      const listed = stdout.trimEnd().split("\n");
      expect(listed.map((line) => z.object({ name: z.string() }).parse(JSON.parse(line)).name)).toEqual(messages);
    }
    const { stdout } = await runCli(["dbc", "show", "--json", "--encoding", encoding, file, messages[0]]);
    const signal = z.object({ signals: z.tuple([z.object({ comment: z.string(), choices: z.array(z.unknown()) })]) });
    const [{ comment, choices }] = signal.parse(JSON.parse(stdout)).signals;
    expect(choices).toContainEqual({ raw: 1, text: one });
    expect(choices.length).toBe(2);
    expect(comment).toBe(start === "f14" ? "速度表示 ソ能" : "");
    expect((await check(start)).length).toBe(2);
  });

  it("f25: UTF-16 is one error that says how to save the file", async () => {
    expect(await check("f25")).toEqual([
      65,
      "1:1 error: the file is UTF-16LE: save it as UTF-8 (iconv -f UTF-16 -t UTF-8 OLD.dbc > NEW.dbc), or set encoding: utf-16le",
    ]);
  });

  it("f17, f18: the values of a signed multiplexer are its bits", async () => {
    expect(await rawsOf("f17")).toEqual([
      { A: 4_294_967_295, x: 5 },
      { A: -1, x: 5 },
    ]);
    expect(await rawsOf("f18")).toEqual([
      { Hdr: 65_797, Len: 170, a: 7 },
      { Hdr: -5_636_095, Len: 1, b: 9 },
    ]);
  });

  it("f23: spaces in the byte order", async () => {
    expect(await valuesOf("f23")).toEqual([{ raw: { x: 200 }, phys: { x: 60 } }]);
  });

  it("f24: lines that end with CR", async () => {
    expect(await check("f24")).toEqual([0]);
    expect(await rawsOf("f24")).toEqual([{ s: 1, t: 2 }]);
  });

  it("f26: an empty range among good ones", async () => {
    expect(await check("f26")).toEqual([0, "12:13 warning: signal x has the range 2-1, which is empty"]);
    expect(await rawsOf("f26")).toEqual([
      { A: 1, x: 10 },
      { A: 6, x: 10 },
    ]);
  });

  it("f27: a signal before the first message", async () => {
    expect(await check("f27")).toEqual([65, "9:6 error: signal s is left out: no BO_ stands before it"]);
  });

  it("f28: a hexadecimal id", async () => {
    expect(await check("f28")).toEqual([
      65,
      "9:5 error: the message id 0x123 is hexadecimal; ids are decimal (291); the message and its signals are left out",
    ]);
  });
});
