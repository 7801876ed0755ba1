import { describe, expect, it } from "vitest";
import { DataBudget } from "../../../../agent/vehicle/link/data-budget.ts";
import { DataUsage } from "../../../../agent/vehicle/link/data-usage.ts";
import { Links } from "../../../../agent/vehicle/link/links.ts";
import { linkConfig } from "../../../../config/link.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MODEM } from "../../../fakes/ports/modem.ts";

const MB = 1_000_000;
/** 2026-01-30T22:00:00Z. */
const EVENING_US = Date.UTC(2026, 0, 30, 22) * 1000;

/** Budgets over wwan0, which is metered, and wlan0; `to` takes another link into use. */
async function rig(budgets: readonly Record<string, unknown>[]) {
  const clock = new ManualClock({ wallUs: EVENING_US });
  const settings = linkConfig.parse({
    modemManager: {},
    interfaces: { wwan0: { metered: true }, wwan1: { cost: "high" } },
    budgets,
  });
  let way: string | undefined = "wwan0";
  const links = new Links({ interfaces: settings.interfaces, route: async () => way });
  await links.look();
  const usage = new DataUsage({ kept: undefined, keep: () => true, clock });
  const budget = new DataBudget({ budgets: settings.budgets, usage, links, clock });
  const roam = (registration: string): void => links.takeModems([{ ...MODEM, registration }]);
  const tellNothing = (): void => links.takeModems(undefined);
  const tellOf = (interfaces: readonly string[]): void => links.takeModems([{ ...MODEM, interfaces }]);
  const to = async (name: string | undefined): Promise<void> => {
    way = name;
    await links.look();
  };
  return { clock, budget, to, roam, tellNothing, tellOf, usage, settings };
}

describe("DataBudget", () => {
  it("holds what is over the day's budget until the day ends, and lets other uses and links go", async () => {
    const { budget, to } = await rig([{ link: "wwan0", use: ["capture"], dayBytes: MB }]);
    budget.spent("capture", 900_000);
    expect(budget.allow("capture", 100_000)).toEqual({ kind: "go" });
    expect(budget.allow("capture", 100_001)).toEqual({
      kind: "held",
      what: "day budget of wwan0 used",
      untilUs: Date.UTC(2026, 0, 31) * 1000,
    });
    expect(budget.allow("event", MB)).toEqual({ kind: "go" });
    await to("wlan0");
    expect(budget.allow("capture", MB)).toEqual({ kind: "go" });
  });

  it("lets it go when the day has changed, and says until then what is held", async () => {
    const { clock, budget } = await rig([{ link: "wwan0", use: ["capture"], dayBytes: MB }]);
    budget.spent("capture", MB);
    expect(budget.allow("capture", 1).kind).toBe("held");
    expect(budget.held()).toMatchObject([{ use: "capture", what: "day budget of wwan0 used" }]);
    clock.advance(2 * 3_600_000);
    expect(budget.held()).toEqual([]);
    expect(budget.allow("capture", 1)).toEqual({ kind: "go" });
  });

  it("holds to the end of the month what is over the month's budget", async () => {
    const { budget } = await rig([{ link: "wwan0", use: ["telemetry"], dayBytes: MB, monthBytes: MB }]);
    budget.spent("telemetry", MB);
    const verdict = { kind: "held", what: "month budget of wwan0 used", untilUs: Date.UTC(2026, 1) * 1000 };
    expect(budget.allow("telemetry", 1)).toEqual(verdict);
  });

  it("counts all links of a cost and all uses of a budget together", async () => {
    const { budget, to } = await rig([{ cost: "high", use: ["telemetry", "capture"], dayBytes: MB }]);
    budget.spent("telemetry", 500_000);
    await to("wwan1");
    budget.spent("capture", 500_000);
    budget.spent("event", 500_000);
    expect(budget.allow("telemetry", 1)).toMatchObject({ what: "day budget of links of cost high used" });
    expect(budget.state()).toMatchObject([{ of: "links of cost high", dayUsedBytes: MB, monthUsedBytes: MB }]);
  });

  it("lets go what alone is more than the budget, once", async () => {
    const { budget } = await rig([{ link: "wwan0", use: ["ota"], dayBytes: MB }]);
    expect(budget.allow("ota", 5 * MB)).toEqual({ kind: "go" });
    budget.spent("ota", 5 * MB);
    expect(budget.allow("ota", 1).kind).toBe("held");
  });

  it("holds while the modem roams, where it is told to, and not a moment longer", async () => {
    const { budget, to, roam } = await rig([{ link: "wwan0", use: ["capture"], roaming: "hold" }]);
    roam("roaming");
    expect(budget.allow("capture", 1)).toEqual({ kind: "held", what: "wwan0 is roaming", untilUs: undefined });
    expect(budget.held()).toHaveLength(1);
    expect(budget.allow("telemetry", 1)).toEqual({ kind: "go" });
    await to("wlan0");
    expect(budget.allow("capture", 1)).toEqual({ kind: "go" });
    await to("wwan0");
    roam("home");
    expect(budget.allow("capture", 1)).toEqual({ kind: "go" });
    expect(budget.held()).toEqual([]);
  });

  it("holds on while nobody tells any more of a modem that roamed, or it does not know itself", async () => {
    const { budget, roam, tellNothing, tellOf } = await rig([{ link: "wwan0", use: ["capture"], roaming: "hold" }]);
    const roaming = { kind: "held", what: "wwan0 is roaming", untilUs: undefined };
    roam("roaming");
    tellNothing();
    expect(budget.allow("capture", 1)).toEqual(roaming);
    tellOf([]);
    expect(budget.allow("capture", 1)).toEqual(roaming);
    roam("unknown");
    expect(budget.allow("capture", 1)).toEqual(roaming);
    roam("home");
    tellNothing();
    expect(budget.allow("capture", 1)).toEqual({ kind: "go" });
  });

  it("holds while nobody has told whether the link that it names roams", async () => {
    const { budget, tellOf, roam } = await rig([{ link: "wwan0", use: ["capture"], roaming: "hold" }]);
    const unknown = { kind: "held", what: "not known yet whether wwan0 roams", untilUs: undefined };
    expect(budget.allow("capture", 1)).toEqual(unknown);
    tellOf(["wwan1"]);
    expect(budget.allow("capture", 1)).toEqual(unknown);
    expect(budget.allow("telemetry", 1)).toEqual({ kind: "go" });
    roam("home");
    expect(budget.allow("capture", 1)).toEqual({ kind: "go" });
  });

  it("lets links without a modem go that only the cost of a budget covers, once modems are told of", async () => {
    const { budget, to, tellOf } = await rig([{ cost: "high", use: ["capture"], roaming: "hold" }]);
    await to("wwan1");
    expect(budget.allow("capture", 1)).toMatchObject({ what: "not known yet whether wwan1 roams" });
    tellOf(["wwan0"]);
    expect(budget.allow("capture", 1)).toEqual({ kind: "go" });
  });

  it("holds what any budget names while no link is known yet, and looks again at a new connection", async () => {
    const { usage, settings, clock } = await rig([{ link: "wlan0", use: ["capture"], dayBytes: MB }]);
    const looks: boolean[] = [];
    const route = async (isReached: boolean) => {
      looks.push(isReached);
      return isReached ? "wwan0" : undefined;
    };
    const links = new Links({ interfaces: settings.interfaces, route });
    const budget = new DataBudget({ budgets: settings.budgets, usage, links, clock });
    await links.look();
    const verdict = { kind: "held", what: "not known yet which link is in use", untilUs: undefined };
    expect(budget.allow("capture", 1)).toEqual(verdict);
    expect(budget.allow("event", 1)).toEqual({ kind: "go" });
    await budget.renew();
    expect(budget.allow("capture", 1)).toEqual({ kind: "go" });
    expect(budget.held()).toEqual([]);
    expect(looks).toEqual([false, true]);
  });

  it("goes by the link that was in use last while there is no way", async () => {
    const { budget, to } = await rig([{ link: "wwan0", use: ["capture"], dayBytes: MB }]);
    budget.spent("capture", MB);
    await to(undefined);
    expect(budget.allow("capture", 1).kind).toBe("held");
  });
});
