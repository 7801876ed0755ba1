import { describe, expect, it } from "vitest";
import { openTunnel } from "../../../agent/tunnels/open-tunnel.ts";
import { TOKEN, tunnelsRig } from "../../fakes/tunnels/tunnels-rig.ts";

const MINUTE_MS = 60_000;
const never = new AbortController().signal;

describe("tunnel.open", () => {
  const run = async (one: ReturnType<typeof tunnelsRig>, given: Readonly<Record<string, unknown>>, signal = never) => {
    const prepared = openTunnel(one.tunnels).prepare(given);
    if (prepared.kind === "rejected") return prepared;
    return prepared.unsafe() ?? (await prepared.run(signal, () => undefined));
  };
  const asked = { token: TOKEN, region: "eu-central-1" };

  it("is of class R2, and succeeds once the service has taken the token", async () => {
    const one = tunnelsRig();
    expect(openTunnel(one.tunnels).commandClass).toBe("R2");
    expect(await run(one, { ...asked, services: "SSH", minutes: 5 })).toEqual({ kind: "done", result: {} });
    expect(one.tunnels.list()).toMatchObject([{ services: ["SSH"], leftMs: 5 * MINUTE_MS }]);
    expect(await run(one, asked)).toMatchObject({ kind: "rejected", code: "BUSY" });
  });

  it("says what is wrong with what was asked, and never the token", async () => {
    const cases = [
      [{ region: "eu-central-1" }, "ARGUMENT_TYPE_MISMATCH"],
      [{ ...asked, token: "CANARY with\r\nheader: x" }, "ARGUMENT_TYPE_MISMATCH"],
      [{ ...asked, region: "us-east-1" }, "ARGUMENT_OUT_OF_RANGE"],
      [{ ...asked, services: ["RDP"] }, "ARGUMENT_OUT_OF_RANGE"],
      [{ ...asked, port: 22 }, "ARGUMENT_TYPE_MISMATCH"],
    ] as const;
    for (const [given, code] of cases) {
      const outcome = await run(tunnelsRig(), given);
      expect(outcome).toMatchObject({ kind: "rejected", code });
      expect(JSON.stringify(outcome)).not.toContain("CANARY");
    }
    const consent = tunnelsRig({ needsConsent: true });
    expect(await run(consent, asked)).toMatchObject({ kind: "rejected", code: "PRECONDITION_FAILED" });
  });

  it("fails where the service says no, and where it is not reached in time", async () => {
    const one = tunnelsRig();
    one.service.answers.push({ kind: "refused", status: 401, detail: "HTTP 401" });
    expect(await run(one, asked)).toMatchObject({
      kind: "failed",
      code: "UNAVAILABLE",
      description: "refused HTTP 401",
    });
    await one.clock.run(0);
    one.service.answers.push({ kind: "failed", detail: "no route" });
    const late = new AbortController();
    const running = run(one, asked, late.signal);
    await one.clock.run(0);
    late.abort();
    expect(await running).toMatchObject({ kind: "failed", description: "the service was not reached in time" });
    await one.clock.run(1000);
    expect(one.tunnels.list()).toEqual([]);
  });
});
