/** First descriptor that the service manager hands over (SD_LISTEN_FDS_START, sd_listen_fds(3)). */
const FIRST_DESCRIPTOR = 3;

/**
 * The listening sockets that the service manager opened for process `pid`, by the name that their socket unit gives them
 * (FileDescriptorName=): LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES of sd_listen_fds(3). Empty outside systemd, and when they
 * are meant for another process. Of sockets with the same name the first counts.
 */
export function inheritedSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid = process.pid,
): ReadonlyMap<string, number> {
  const { LISTEN_PID: owner, LISTEN_FDS: count, LISTEN_FDNAMES: names } = environment;
  if (owner !== String(pid)) return new Map();
  const descriptors = Array.from({ length: Math.max(0, Number(count) || 0) }, (_, index) => FIRST_DESCRIPTOR + index);
  const named = (names ?? "").split(":");
  const pairs = descriptors.map((descriptor, index): [string, number] => [named[index] ?? "unknown", descriptor]);
  return new Map(pairs.reverse());
}
