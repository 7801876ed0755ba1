import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { EndedElsewhere, type RootPowers } from "../../../agent/cli/own-process.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";

const SERVICE = 996;
const PROXY = { host: "proxy.example", port: 3128 };

/** The configuration of a device with its key in a token. */
function device(more: object, identity: object = {}): string {
  const folder = temporaryFolder();
  const config = join(folder, "agent.yaml");
  const token = {
    mode: "pkcs11",
    tokenLabel: "causeway",
    certificateFile: "device.pem",
    storeDir: join(folder, "store"),
  };
  const rest = { buses: [{ name: "can0", driver: "native", interface: "can0" }] };
  const places = { stateDir: join(folder, "state"), runtimeDir: join(folder, "run") };
  const broker = { host: "localhost", caFile: "ca.pem" };
  writeFileSync(
    config,
    stringify({ thingName: "veh-1", ...places, ...rest, broker, identity: { ...token, ...identity }, ...more }),
  );
  return config;
}

/** Root, on a machine whose unit hands a credential on. Each power is written down. */
function root(): { readonly powers: RootPowers; readonly used: string[] } {
  const used: string[] = [];
  const powers: RootPowers = {
    ownerOf: () => SERVICE,
    becomeUser: (uid) => void used.push(`becomes ${uid}`),
    unitSettings: () => Promise.resolve(["LoadCredential=causeway-pin:/etc/causeway/pin"]),
    runInUnit: (uid) => {
      used.push(`runs as ${uid}`);
      return Promise.resolve(0);
    },
  };
  return { powers, used };
}

describe("a verb on the identity that root runs", () => {
  it.each([
    ["the PIN", {}, {}],
    ["what the proxy asks for", { proxy: PROXY }, { pinFile: "pin" }],
  ])("is run anew by systemd where %s is a credential", async (_, more, identity) => {
    const { powers, used } = root();
    // What it would publish is for the process that does.
    async function* untouched(): AsyncGenerator<Uint8Array> {
      used.push("reads stdin");
      yield new Uint8Array(0);
    }
    const surroundings = { process: { root: powers }, stdin: untouched() };
    const ended = runCli(["mqtt", "pub", "a/b", "--config", device(more, identity)], surroundings);
    await expect(ended).rejects.toBeInstanceOf(EndedElsewhere);
    expect(used).toEqual([`runs as ${SERVICE}`]);
  });

  it("becomes the service's user where all is in files", async () => {
    const { powers, used } = root();
    const config = device({ proxy: { ...PROXY, credentialsFile: "proxy" } }, { pinFile: "pin" });
    await expect(
      runCli(["mqtt", "pub", "a/b", "-m", "x", "--config", config], {
        process: { root: powers },
        clock: systemClock(),
      }),
    ).rejects.toThrow("proxy credentials file");
    expect(used).toEqual([`becomes ${SERVICE}`]);
  });
});
