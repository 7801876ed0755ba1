import { describe, expect, it } from "vitest";
import type { FetchedArtifact, RunProgram } from "../../../../agent/ports/update.ts";
import { createProgramInstaller } from "../../../../agent/updates/installers/program-installer.ts";

const ARTIFACT: FetchedArtifact = {
  name: "firmware",
  version: "1.2.3",
  sizeBytes: 5,
  sha256: "a".repeat(64),
  file: "/var/lib/causeway/updates/d/firmware",
  handler: "radio",
};
const never = new AbortController().signal;

/** An installer whose calls are noted; `digest` is what the file has now. */
function setUp() {
  const calls: string[] = [];
  const run: RunProgram = async (_program, [verb]) => {
    calls.push(verb);
    return { kind: "exited", code: 0, stdout: "", stderr: "", errorLines: 0 };
  };
  const disk: { digest: string | undefined } = { digest: ARTIFACT.sha256 };
  const installer = createProgramInstaller({
    listed: [{ name: "radio", program: "/usr/lib/radio", timeoutSeconds: 5 }],
    run,
    downloads: { digestOf: async () => disk.digest },
  });
  return { calls, disk, installer };
}

describe("the installer of kind exec", () => {
  it.each(["b".repeat(64), undefined])(
    "gives no program a file that is not what the manifest says: its digest is %s",
    async (digest) => {
      const { calls, disk, installer } = setUp();
      disk.digest = digest;
      await expect(installer.stage(ARTIFACT, never)).rejects.toMatchObject({ code: "update.unfit" });
      await expect(installer.activate(ARTIFACT)).rejects.toMatchObject({ code: "update.unfit" });
      expect(calls).toEqual([]);
    },
  );

  it("looks again before it installs: the file may have changed since it was checked", async () => {
    const { calls, disk, installer } = setUp();
    await installer.stage(ARTIFACT, never);
    disk.digest = "b".repeat(64);
    await expect(installer.activate(ARTIFACT)).rejects.toMatchObject({ code: "update.unfit" });
    expect(calls).toEqual(["check"]);
  });
});
