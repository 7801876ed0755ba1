import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** What stands in for `aws` says to commands that begin so. `failure` is what it complains of instead. */
export type AwsAnswer = { readonly begins: string; readonly answer?: unknown; readonly failure?: string };

const call = z.object({ program: z.string(), args: z.array(z.string()), stdin: z.string() });
/** One call of a stand-in; `stdin` is what it read, from there or from the file that an argument names. */
export type FakeCall = z.infer<typeof call>;

const PROGRAM = `#!/usr/bin/env node
const fs = require("node:fs");
const path = require("node:path");
const program = path.basename(process.argv[1]);
const args = process.argv.slice(2);
const here = path.dirname(process.argv[1]);
const file = args.find((arg) => arg.startsWith("file://"));
const stdin = args.includes("--password-stdin") ? fs.readFileSync(0, "utf8") : file ? fs.readFileSync(file.slice(7), "utf8") : "";
fs.appendFileSync(path.join(here, "calls.jsonl"), JSON.stringify({ program, args, stdin }) + "\\n");
const said = [program, ...args].join(" ");
const answers = JSON.parse(fs.readFileSync(path.join(here, "answers.json"), "utf8"));
const found = answers.find(({ begins }) => said.startsWith(begins)) ?? {};
if (found.failure !== undefined) {
  process.stderr.write("\\n" + found.failure + "\\n");
  process.exit(254);
}
if (found.answer !== undefined) process.stdout.write(typeof found.answer === "string" ? found.answer : JSON.stringify(found.answer, undefined, 4) + "\\n");
`;

/** Programs on a PATH of their own that write down how they are called, and answer as the AWS CLI documents. */
export class FakeCli {
  readonly folder: string;

  constructor(folder: string, programs: readonly string[] = ["aws", "docker"]) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    for (const program of programs) {
      writeFileSync(join(folder, program), PROGRAM);
      chmodSync(join(folder, program), 0o755);
    }
    this.answer([]);
  }

  answer(answers: readonly AwsAnswer[]): void {
    writeFileSync(join(this.folder, "answers.json"), JSON.stringify(answers));
    writeFileSync(join(this.folder, "calls.jsonl"), "");
  }

  calls(): readonly FakeCall[] {
    const file = join(this.folder, "calls.jsonl");
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => call.parse(JSON.parse(line)));
  }
}
