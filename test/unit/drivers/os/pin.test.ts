import { chmod, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { makePinFile, PIN_CREDENTIAL, readPin, readSecret } from "../../../../drivers/os/pin.ts";

describe("readPin", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-pin-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function file(name: string, content: string, mode = 0o600): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    await chmod(path, mode);
    return path;
  }

  function faultOf(pinFile: string | undefined, credentialsDirectory?: string): string {
    try {
      readPin({ pinFile, credentialsDirectory });
      return "no fault";
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      // No secret may get into a message, whatever is wrong with the file.
      expect(JSON.stringify([error.message, error.remedy, error.facts])).not.toContain("s3cret");
      return error.code;
    }
  }

  it.each(["s3cret", "s3cret\n", "s3cret\r\n"])("gives the PIN without its line end (%j)", async (content) => {
    expect(readPin({ pinFile: await file("pin", content), credentialsDirectory: undefined })).toBe("s3cret");
  });

  it("takes the systemd credential when no file is named, also when a group may read it", async () => {
    await file(PIN_CREDENTIAL, "s3cret", 0o440);
    expect(readPin({ pinFile: undefined, credentialsDirectory: folder })).toBe("s3cret");
  });

  it("prefers the file that is named", async () => {
    await file(PIN_CREDENTIAL, "other");
    expect(readPin({ pinFile: await file("pin", "s3cret"), credentialsDirectory: folder })).toBe("s3cret");
  });

  it.each([0o640, 0o604, 0o620, 0o644, 0o777])("refuses a file of mode %o", async (mode) => {
    expect(faultOf(await file("pin", "s3cret", mode))).toBe("identity.pin-exposed");
  });

  it("refuses a credential that others may read", async () => {
    await file(PIN_CREDENTIAL, "s3cret", 0o444);
    expect(faultOf(undefined, folder)).toBe("identity.pin-exposed");
  });

  it("refuses a symbolic link and a folder", async () => {
    await symlink(await file("pin", "s3cret"), join(folder, "link"));
    expect(faultOf(join(folder, "link"))).toBe("identity.pin-exposed");
    expect(faultOf(folder)).toBe("identity.pin-exposed");
  });

  it("names what is missing", () => {
    expect(faultOf(undefined)).toBe("identity.pin-missing");
    expect(faultOf(join(folder, "nothing"))).toBe("identity.pin-missing");
  });

  it.each(["", "\n", "s3cret\nmore", "s3cret".repeat(50)])(
    "refuses a file that is not one line of a PIN's length",
    async (content) => {
      expect(faultOf(await file("pin", content))).toBe("identity.pin-missing");
    },
  );

  it("makes a file with a PIN that is hard to guess, once", async () => {
    const path = join(folder, "new-pin");
    expect(makePinFile(path)).toBe("made");
    const pin = readPin({ pinFile: path, credentialsDirectory: undefined });
    expect(pin).toMatch(/^[0-9a-f]{32}$/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(makePinFile(path)).toBe("present");
    expect(readPin({ pinFile: path, credentialsDirectory: undefined })).toBe(pin);
    expect(await readdir(folder)).toEqual(["new-pin"]);
  });

  it("makes a file in spite of what a killed run left behind", async () => {
    await file(".new-pin.next", "half");
    expect(makePinFile(join(folder, "new-pin"))).toBe("made");
    expect(await readdir(folder)).toEqual(["new-pin"]);
  });

  it("gives a secret that not every device has, under the same rules", async () => {
    const from = (path: string | undefined, credentialsDirectory?: string) =>
      readSecret({ thing: "owner authorisation file", file: path, credential: "owner", credentialsDirectory });
    expect(from(undefined)).toBeUndefined();
    expect(from(undefined, folder)).toBeUndefined();
    await file("owner", "s3cret", 0o440);
    expect(from(undefined, folder)).toBe("s3cret");
    const exposed = await file("other", "s3cret", 0o644);
    expect(() => from(exposed)).toThrow(`owner authorisation file ${exposed} has mode 0644`);
  });
});
