import { describe, expect, it } from "vitest";
import { tunnelLink } from "../../../agent/tunnels/tunnel-link.ts";
import { DataBudget } from "../../../agent/vehicle/link/data-budget.ts";
import { DataUsage } from "../../../agent/vehicle/link/data-usage.ts";
import { Links } from "../../../agent/vehicle/link/links.ts";
import { linkConfig } from "../../../config/link.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

const MB = 1_000_000;

/** wwan0, which is metered, is in use; `to` takes another link. */
async function rig(metered: "allow" | "hold", budgets: readonly Record<string, unknown>[]) {
  const clock = new ManualClock();
  const settings = linkConfig.parse({ interfaces: { wwan0: { metered: true } }, budgets });
  let way: string | undefined = "wwan0";
  const links = new Links({ interfaces: settings.interfaces, route: async () => way });
  await links.look();
  const usage = new DataUsage({ kept: undefined, keep: () => true, clock });
  const budget = new DataBudget({ budgets: settings.budgets, usage, links, clock });
  const to = async (name: string | undefined): Promise<void> => {
    way = name;
    await links.look();
  };
  return { link: tunnelLink(metered, { links, budget }), usage, to };
}

describe("the link of tunnels", () => {
  it("holds them once a budget that counts them is used, and by what they alone have used", async () => {
    const { link, usage } = await rig("allow", [{ link: "wwan0", dayBytes: MB }]);
    expect(link.heldBy()).toBeUndefined();
    link.spent(MB - 1);
    expect(link.heldBy()).toBeUndefined();
    link.spent(1);
    expect(link.heldBy()).toBe("day budget of wwan0 used");
    expect(usage.counts).toMatchObject([{ link: "wwan0", use: "tunnels", dayBytes: MB }]);
  });

  it("holds none where no budget names them", async () => {
    const { link } = await rig("allow", [{ link: "wwan0", use: ["capture"], dayBytes: MB }]);
    link.spent(2 * MB);
    expect(link.heldBy()).toBeUndefined();
  });

  it("holds them on a metered link where that is wanted, and not for a gap of coverage", async () => {
    const { link, to } = await rig("hold", []);
    expect(link.heldBy()).toBe("wwan0 is metered");
    await to("wlan0");
    expect(link.heldBy()).toBeUndefined();
    await to(undefined);
    expect(link.heldBy()).toBeUndefined();
  });

  it("holds nothing where nothing is said of links", () => {
    const link = tunnelLink("hold", undefined);
    link.spent(MB);
    expect(link.heldBy()).toBeUndefined();
  });
});
