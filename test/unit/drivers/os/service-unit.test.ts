import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runInUnit, settingsOf } from "../../../../drivers/os/service-unit.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const systemd = (name: string): string => readFileSync(new URL(`../../../../systemd/${name}`, import.meta.url), "utf8");

describe("settingsOf", () => {
  it("finds the credential and the groups of the packaged unit", () => {
    expect(settingsOf(systemd("causeway.service"))).toEqual([
      "SupplementaryGroups=tss",
      "LoadCredentialEncrypted=causeway-pin:/etc/causeway/causeway-pin.cred",
    ]);
  });

  it("takes back what a drop-in takes back, as systemd does", () => {
    expect(settingsOf(systemd("causeway.service") + systemd("plain-pin.conf"))).toEqual([
      "SupplementaryGroups=tss",
      "LoadCredential=causeway-pin:/etc/causeway/causeway-pin",
    ]);
  });

  it("reads on in the next line, and passes over comments", () => {
    const text =
      "[Service]\n#LoadCredential=a:/a\nSetCredentialEncrypted=b: \\\n  one\nSetCredential=causeway-pin:1234\nImportCredential = c*\n";
    expect(settingsOf(text)).toEqual(["SetCredentialEncrypted=b:    one", "ImportCredential=c*"]);
  });
});

describe("runInUnit", () => {
  /** A systemd-run that notes its arguments and ends with this code. */
  function fakeSystemd(code: number): { readonly environment: Record<string, string>; readonly noted: () => string[] } {
    const folder = temporaryFolder();
    const program = join(folder, "systemd-run");
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder}/noted\nexit ${code}\n`);
    chmodSync(program, 0o755);
    const environment = { PATH: `${folder}:${process.env.PATH ?? ""}`, TERM: "dumb", SECRET: "x" };
    return { environment, noted: () => readFileSync(join(folder, "noted"), "utf8").trim().split("\n") };
  }
  const never = new AbortController().signal;
  const settings = ["LoadCredential=causeway-pin:/pin"];

  it("gives the verb the user, the credential and the terminal, and what it reads of the environment, and its exit code", async () => {
    const { environment, noted } = fakeSystemd(3);
    expect(
      await runInUnit({ uid: 996, settings, command: ["node", "main.ts", "key", "test"], environment }, never),
    ).toBe(3);
    const args = noted();
    expect(args).toEqual(
      expect.arrayContaining(["--pipe", "--wait", "--quiet", "User=996", ...settings, "--setenv=TERM"]),
    );
    expect(args.slice(args.indexOf("--"))).toEqual(["--", "node", "main.ts", "key", "test"]);
    expect(args.join(" ")).not.toContain("SECRET");
  });

  it("says what systemd means by 243", async () => {
    const { environment } = fakeSystemd(243);
    const running = runInUnit({ uid: 996, settings, command: ["true"], environment }, never);
    await expect(running).rejects.toMatchObject({ code: "identity.pin-missing" });
    await expect(running).rejects.toThrow("243/CREDENTIALS");
  });
});
