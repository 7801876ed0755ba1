import { describe, expect, it } from "vitest";
import { matchesFilter } from "../../../../../drivers/aws/messages/topic-filter.ts";

// The examples of MQTT Version 5.0 (OASIS Standard, 7 March 2019), sections 4.7.1.2, 4.7.1.3 and 4.7.2.
describe("matchesFilter", () => {
  it.each([
    ["sport/tennis/player1/#", "sport/tennis/player1"],
    ["sport/tennis/player1/#", "sport/tennis/player1/ranking"],
    ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"],
    ["sport/#", "sport"],
    ["#", "sport/tennis"],
    ["sport/tennis/+", "sport/tennis/player1"],
    ["sport/+", "sport/"],
    ["+/+", "/finance"],
    ["/+", "/finance"],
    ["+/tennis/#", "sport/tennis"],
    ["$SYS/#", "$SYS/monitor/Clients"],
    ["$SYS/monitor/+", "$SYS/monitor/Clients"],
    ["$aws/things/veh-001/jobs/+/get/+", "$aws/things/veh-001/jobs/j1/get/accepted"],
    ["$share/consumers/dt/causeway/#", "dt/causeway/veh-001/telemetry"],
  ])("%s takes %s", (filter, topic) => {
    expect(matchesFilter(filter, topic)).toBe(true);
  });

  it.each([
    ["sport/tennis/+", "sport/tennis/player1/ranking"],
    ["sport/+", "sport"],
    ["sport/tennis/#", "sport"],
    ["+", "/finance"],
    ["ACCOUNTS", "Accounts"],
    ["#", "$SYS/monitor/Clients"],
    ["+/monitor/Clients", "$SYS/monitor/Clients"],
    ["$share/consumers/#", "$SYS/monitor/Clients"],
    ["sport/tennis", "sport/tennis/"],
    ["sport/tennis/", "sport/tennis"],
  ])("%s does not take %s", (filter, topic) => {
    expect(matchesFilter(filter, topic)).toBe(false);
  });
});
