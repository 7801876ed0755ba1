import { printable } from "../core/plain-text.ts";
import { formatBytes, formatCount, formatCounted } from "../core/quantity.ts";
import type { FilesStatus } from "../local-api/files-status.ts";
import type { ProgramsStatus } from "../local-api/programs-status.ts";
import type { ReportedShadowStatus, SettingsStatus, ShadowsStatus } from "../local-api/shadows-status.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import type { TunnelsStatus } from "../local-api/tunnels-status.ts";
import { failed, passed, warned } from "./check.ts";

/** A program that has so much of its disk budget stored is about to be refused, or is. */
const NEARLY_FULL = 0.95;

/** The services of a running agent for others: programs, shadows, uploads, tunnels. Nothing of what is not configured. */
export function fleetChecks({
  programs,
  shadows,
  files,
  tunnels,
}: Pick<Status, "programs" | "shadows" | "files" | "tunnels">): readonly Check[] {
  return [
    ...(programs === undefined ? [] : programChecks(programs)),
    ...(shadows === undefined ? [] : shadowChecks(shadows)),
    ...(files === undefined ? [] : fileChecks(files)),
    ...(tunnels === undefined ? [] : tunnelChecks(tunnels)),
  ];
}

function programChecks({ problem, strangerLines, programs }: ProgramsStatus): readonly Check[] {
  const check = "programs";
  if (problem !== undefined) {
    const units = "causeway-publish.socket, and causeway-publish@NAME.socket for a program with ownSocket";
    const remedy = `systemctl enable ${units}, then systemctl restart causeway`;
    return [failed(check, { what: `not all sockets for programs are served: ${printable(problem)}`, remedy })];
  }
  const full = programs.filter(({ storedBytes, maxStoredBytes }) => storedBytes >= NEARLY_FULL * maxStoredBytes);
  const problems = full.map(({ name, storedBytes, maxStoredBytes }) => {
    const budget = `${formatBytes(storedBytes)} of its ${formatBytes(maxStoredBytes)} in the outbox`;
    const remedy = "see why records do not leave (causeway status), raise its maxStoredBytes, or have it send less";
    return warned(check, `${name === "" ? "who says no name" : printable(name)} has ${budget}: it is refused`, remedy);
  });
  for (const { name, missing } of programs) {
    if (missing.length === 0) continue;
    const remedy = 'start it; it says what it answers in its first line: {"program":"NAME","answers":[...]}';
    problems.push(warned(check, `${printable(name)} does not answer ${missing.map(printable).join(", ")}`, remedy));
  }
  if (strangerLines > 0) {
    const remedy = "name the program in programs.clients, or give programs.unnamed";
    problems.push(warned(check, `${formatCounted(strangerLines, "line")} of unknown programs since the start`, remedy));
  }
  const unanswered = programs.reduce((sum, one) => sum + one.unanswered, 0);
  if (unanswered > 0) {
    const what = `${formatCount(unanswered)} commands without an answer that can be used since the start`;
    problems.push(warned(check, what, "see which and why: causeway commands list, and the log of the program"));
  }
  if (problems.length > 0) return problems;
  const records = programs.reduce((sum, one) => sum + one.records, 0);
  return [passed(check, `served, ${formatCounted(records, "record")} since the start`)];
}

function shadowChecks({ state, config }: ShadowsStatus): readonly Check[] {
  return [
    ...(state === undefined ? [] : reportedChecks(state, "StateShadow")),
    ...(config === undefined
      ? []
      : [...reportedChecks(config.reported, "ConfigShadow"), settingsCheck(config.settings)]),
  ];
}

/** `parameter` of the stack grants its topics. */
function reportedChecks(told: ReportedShadowStatus, parameter: string): readonly Check[] {
  const { name, state, what, omitted } = told;
  const check = "shadow";
  if (state === "refused") {
    const remedy = `allow the topics of the shadow ${name} in the vehicle's policy (stack parameter ${parameter})`;
    return [failed(check, { what: `${name} cannot be told: ${printable(what)}`, remedy })];
  }
  const problems = [
    ...(omitted.length === 0
      ? []
      : [
          warned(
            check,
            `${name} has no room for ${omitted.map(printable).join(", ")}`,
            "take out of it what others have written there, or run fewer campaigns",
          ),
        ]),
    ...(what === "" ? [] : [warned(check, `${name} is ${state}: ${printable(what)}`, "it is tried again by itself")]),
  ];
  return problems.length > 0 ? problems : [passed(check, `${name} is ${state.replace("-", " ")}`)];
}

function settingsCheck({ state, reason }: SettingsStatus): Check {
  const check = "settings of the shadow";
  const how = state.replace("-", " ");
  const why = reason === "" ? "" : `: ${printable(reason)}`;
  if (state !== "refused" && state !== "taken-back") return passed(check, `${how}${why}`);
  return warned(check, `${how}${why}`, "desire others; the same ones are not tried again by themselves");
}

function fileChecks(files: FilesStatus): readonly Check[] {
  const { uploads, stored, failed: givenUp, dayUsedBytes, dayBytes, credentials } = files;
  const check = "uploads";
  const problems = uploads.flatMap((upload) => uploadCheck(check, upload));
  if (credentials !== undefined && credentials.failed > 0 && credentials.given === 0) {
    const what = `no credentials for buckets: ${formatCounted(credentials.failed, "time")} asked in vain since the start`;
    const remedy =
      "see files.credentialsHost, the role alias, and iot:AssumeRoleWithCertificate in the vehicle's policy";
    problems.push(warned(check, what, remedy));
  }
  if (givenUp > 0) {
    const what = `${formatCount(givenUp)} given up since the start`;
    problems.push(warned(check, what, "see why: causeway logs --event upload.failed"));
  }
  if (dayUsedBytes >= dayBytes) {
    const what = `the ${formatBytes(dayBytes)} of this day are used up`;
    problems.push(warned(check, what, "it goes on by itself at 00:00 UTC; or raise files.dayBytes"));
  }
  if (problems.length > 0) return problems;
  return [passed(check, `${formatCount(uploads.length)} under way, ${formatCount(stored)} stored since the start`)];
}

/** Nothing for one that goes on. */
function uploadCheck(
  check: string,
  { upload, kind, name, state, problem }: FilesStatus["uploads"][number],
): readonly Check[] {
  const isWaiting = state === "waiting";
  const why = problem ?? (isWaiting ? "nobody has named a place for it" : undefined);
  if (why === undefined) return [];
  const remedy = isWaiting
    ? `name a place for ${upload} with file.upload, or cancel it`
    : "it is tried again by itself; see causeway connect test, files and link.budgets";
  return [warned(check, printable(`${kind} ${name}: ${why}`), remedy)];
}

function tunnelChecks({ problem, open, allowedMs, opened }: TunnelsStatus): readonly Check[] {
  const check = "tunnels";
  if (problem !== undefined) {
    const what = `notifications of tunnels do not come: ${printable(problem)}`;
    const remedy = "allow the topic in the vehicle's policy and restart the agent, or set tunnels.notify to false";
    return [failed(check, { what, remedy })];
  }
  const cut = open.flatMap(({ id, problem: why }) => {
    if (why === undefined) return [];
    return [
      warned(check, `tunnel ${id} has no connection: ${printable(why)}`, "it is tried again by itself until its end"),
    ];
  });
  if (cut.length > 0) return cut;
  const consent = allowedMs === undefined ? "" : "; a person at the vehicle allows them at present";
  return [passed(check, `${formatCount(open.length)} open, ${formatCount(opened)} since the start${consent}`)];
}
